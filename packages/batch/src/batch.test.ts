import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadPredictor, openBundle, routingSignals, saveBundle, scoreDistributionOf } from "@corella/bundle";
import { saveTinyBundle, tinyCrm, tinyLlm, tinyLog } from "@corella/bundle/testing";
import { catalogueFromLog, createLog, recordsAt, type InteractionLog } from "@corella/modality";
import { routeAndMix } from "@corella/routing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { literal, withDatabase } from "./database.ts";
import {
  finish,
  makePlan,
  missingShards,
  partNames,
  readPlan,
  runShard,
  savePlan,
  type Plan,
  type PlanOptions,
} from "./index.ts";
import { s3StandIn } from "./output/s3-stand-in.test-helper.ts";

const whole = tinyLog();
/** Rows that the bundle knows. */
const known = 250;

function firstRows(log: InteractionLog, size: number): InteractionLog {
  const { user, item, rating, time, label } = log;
  return createLog({
    ...log,
    user: user.slice(0, size),
    item: item.slice(0, size),
    rating: rating.slice(0, size),
    time: time.slice(0, size),
    label: label.slice(0, size),
  });
}

let folder = "";
/** The first row of each user after those that the bundle knows: no other event lies between. */
let rows: Uint32Array;
const router = { policy: { kind: "threshold", entropy: 0.69 }, mix: { kind: "replace" } } as const;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-batch-"));
  const log = firstRows(whole, known);
  const met = new Set<number>();
  rows = Uint32Array.from({ length: whole.size - known }, (_, i) => known + i).filter(
    (row) => !met.has(whole.user[row]!) && met.add(whole.user[row]!),
  );
  await saveBundle(join(folder, "bundle"), {
    name: "tiny",
    catalogue: catalogueFromLog(whole),
    log,
    crm: tinyCrm(log),
    llm: await tinyLlm(log),
    router,
    scoreDistribution: scoreDistributionOf(
      Float32Array.from({ length: 100 }, (_, i) => i / 100),
      0.5,
    ),
  });
  const lines = Array.from(rows, (row) =>
    [whole.users.ids[whole.user[row]!]!, whole.items.ids[whole.item[row]!]!, whole.time[row]!].join(","),
  );
  await writeFile(join(folder, "rows.csv"), `${["user,item,time", ...lines].join("\n")}\n`);
  await withDatabase((connection) =>
    connection.run(
      `COPY (SELECT * FROM read_csv(${literal(join(folder, "rows.csv"))})) TO ${literal(join(folder, "rows.parquet"))} (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
    ),
  );
});
afterAll(() => rm(folder, { recursive: true }));

async function planOf(output: string, input: string, options: Partial<PlanOptions> = {}): Promise<Plan> {
  const plan = await makePlan({
    bundle: join(folder, "bundle"),
    inputs: [join(folder, input)],
    output: join(folder, output),
    shardRows: 4,
    ...options,
  });
  await savePlan(plan);
  return readPlan(plan.output);
}

async function answersIn(output: string): Promise<Record<string, unknown>[]> {
  return withDatabase(async (connection) => {
    const read = await connection.runAndReadAll(
      `SELECT * FROM read_parquet(${literal(join(folder, output, "part-*.parquet"))}) ORDER BY input, "row"`,
    );
    return read.getRowObjects();
  });
}

const filesOf = async (output: string): Promise<string[]> => (await readdir(join(folder, output))).sort();

test("probabilities are those of an evaluation, of CSV and Parquet alike; parts have the same bytes in any order of attempts", async () => {
  const plan = await planOf("out", "rows.csv");
  expect(plan.shards.map(({ start, rows: count }) => [start, count])).toEqual([
    [0, 4],
    [4, 4],
    [8, rows.length - 8],
  ]);
  await expect(finish(plan)).rejects.toMatchObject({
    code: "batch/missing",
    message: expect.stringContaining("0, 1, 2"),
  });
  // The last one first, one by two attempts at once, one that was killed between its part and what stands beside it.
  await runShard(plan, 2);
  const both = await Promise.all([runShard(plan, 0), runShard(plan, 0)]);
  expect(both[0]).toEqual(both[1]);
  await runShard(plan, 1);
  await rm(join(folder, "out", partNames(plan, 1).sidecar));
  expect(await missingShards(plan)).toEqual([1]);
  await runShard(plan, 1);
  const manifest = await finish(plan);

  const bundle = await openBundle(join(folder, "bundle"));
  const predictor = await loadPredictor(bundle);
  const records = recordsAt(whole, rows, bundle);
  const all = await predictor.score(records, { policy: { kind: "all" } });
  await predictor.dispose();
  const [crm, llm] = [
    Float32Array.from(all, ({ pCrm }) => pCrm!),
    Float32Array.from(all, ({ pLlm }) => pLlm!),
  ];
  const signals = routingSignals(records, { featureMap: bundle.featureMap!, catalogue: bundle.catalogue });
  const { probabilities, toLlm } = routeAndMix(crm, llm, router.policy, router.mix, signals);
  expect(toLlm.length).toBeGreaterThan(1);
  expect(toLlm.length).toBeLessThan(rows.length);
  const answers = await answersIn("out");
  expect(answers.map(({ row }) => Number(row))).toEqual(Array.from(rows.keys()));
  for (const [i, { probability, route, item }] of answers.entries()) {
    expect(Math.abs((probability as number) - probabilities[i]!)).toBeLessThan(1e-6);
    expect(route).toBe(toLlm.includes(i) ? "llm" : "crm");
    expect(item).toBe(whole.items.ids[whole.item[rows[i]!]!]);
  }
  expect(manifest.summary).toMatchObject({ rows: rows.length, malformed: 0, byLlm: toLlm.length });
  expect(manifest.summary.drift!.shares.reduce((sum, share) => sum + share)).toBeCloseTo(1);
  expect(manifest.summary.drift!.psi).toBeGreaterThan(0.1);
  const page = await readFile(join(folder, "out/summary.html"), "utf8");
  expect(page).toContain("PSI to the validation part");
  expect(page).not.toMatch(/(?:src|href)="http/);

  const again = await planOf("again", "rows.csv");
  await runShard(again, 1);
  expect(await readFile(join(folder, "again", partNames(again, 1).part))).toEqual(
    await readFile(join(folder, "out", partNames(plan, 1).part)),
  );
  const parquet = await planOf("parquet", "rows.parquet");
  for (const shard of parquet.shards.keys()) await runShard(parquet, shard);
  expect(await answersIn("parquet")).toEqual(answers);
});

test("an output that is finished stays, one of another plan is refused, and what was changed is found", async () => {
  const options = { llm: "never" } as const;
  const plan = await planOf("changed", "rows.csv", options);
  for (const shard of plan.shards.keys()) await runShard(plan, shard);
  await expect(planOf("changed", "rows.csv")).rejects.toMatchObject({ code: "batch/other-plan" });
  expect((await planOf("changed", "rows.csv", options)).hash).toBe(plan.hash);
  const part = join(folder, "changed", partNames(plan, 1).part);
  const bytes = await readFile(part);
  await writeFile(part, bytes.subarray(1));
  await expect(finish(plan)).rejects.toMatchObject({ code: "batch/damaged-part", place: part });
  expect(await filesOf("changed")).not.toContain("manifest.json");
  await writeFile(part, bytes);
  const manifest = await finish(plan);
  expect(manifest.summary.byLlm).toBe(0);
  expect(await finish(plan)).toEqual(manifest);

  await cp(join(folder, "rows.csv"), join(folder, "other.csv"));
  const other = await planOf("other", "other.csv", options);
  const text = await readFile(join(folder, "other.csv"), "utf8");
  await writeFile(join(folder, "other.csv"), `${text}\n`);
  await expect(runShard(other, 0)).rejects.toMatchObject({ code: "batch/other-input" });
  await expect(runShard(other, 9)).rejects.toMatchObject({ code: "batch/shard" });
  await expect(planOf("none", "rows.csv", { columns: { item: "itm" } })).rejects.toMatchObject({
    code: "batch/columns",
    remedy: expect.stringContaining('"item"'),
  });
});

test("an LLM that is not there cannot answer all rows", async () => {
  const crmAlone = join(folder, "crm-alone");
  await saveTinyBundle(crmAlone, ["crm"]);
  const plan = planOf("no-llm", "rows.csv", { bundle: crmAlone, llm: "always" });
  await expect(plan).rejects.toMatchObject({ code: "batch/no-llm", place: crmAlone });
  expect((await planOf("no-llm", "rows.csv", { bundle: crmAlone, llm: "auto" })).llm).toBe("auto");
});

test("columns that no one reads are told", async () => {
  await writeFile(join(folder, "misspelt.csv"), "usr,item,item.year,note\nuser-1,item-2,1999,x\n");
  const told: unknown[] = [];
  const onUnread = (...all: unknown[]): void => void told.push(all);
  await planOf("misspelt", "misspelt.csv", { onUnread });
  expect(told).toEqual([[["usr", "note"], join(folder, "misspelt.csv")]]);
  await planOf("well-spelt", "rows.csv", { onUnread });
  expect(told).toHaveLength(1);
});

test("a malformed row is one clear error, or is written without an answer", async () => {
  await writeFile(join(folder, "bad.csv"), "user,item,time\nuser-1,item-2,\nuser-1,,\n,item-3,\n");
  const strict = await planOf("strict", "bad.csv");
  await expect(runShard(strict, 0)).rejects.toMatchObject({
    code: "batch/malformed",
    message: "A row cannot be asked: it has no item.",
    place: `${join(folder, "bad.csv")}, row 2 of the data`,
  });
  const lenient = await planOf("lenient", "bad.csv", { malformed: "null" });
  expect(await runShard(lenient, 0)).toMatchObject({ rows: 3, malformed: 1 });
  const answers = await answersIn("lenient");
  expect(answers.map(({ probability, reason }) => [typeof probability, reason])).toEqual([
    ["number", null],
    ["object", "it has no item"],
    ["number", null],
  ]);
  expect((await finish(lenient)).summary).toMatchObject({ rows: 3, malformed: 1 });
});

test("an S3 store gets the same parts, and two attempts at once leave one", async () => {
  const store = await s3StandIn();
  const settings = {
    AWS_ACCESS_KEY_ID: "key",
    AWS_SECRET_ACCESS_KEY: "secret",
    AWS_REGION: "eu-west-1",
    AWS_ENDPOINT_URL_S3: store.endpoint,
  };
  Object.assign(process.env, settings);
  try {
    const options = { llm: "never", shardRows: 6, inputs: [join(folder, "rows.csv")] } as const;
    const plan = await planOf("", "", { ...options, output: "s3://bucket/scores" });
    const attempts = await Promise.all([0, 0, 1].map((shard) => runShard(plan, shard)));
    expect(attempts[0]).toEqual(attempts[1]);
    const { parts } = await finish(plan);
    const local = await planOf("beside", "rows.csv", options);
    for (const [shard, { file, sha256 }] of parts.entries()) {
      expect((await runShard(local, shard)).sha256).toBe(sha256);
      expect(store.objects.has(`/bucket/scores/${file}`)).toBe(true);
    }
    expect(store.objects.has("/bucket/scores/manifest.json")).toBe(true);
  } finally {
    for (const name of Object.keys(settings)) delete process.env[name];
    await store.close();
  }
});
