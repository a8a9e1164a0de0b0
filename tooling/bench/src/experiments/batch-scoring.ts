// Scores the same rows in this process, by one local process, by two, and by two workers behind Redis that are killed with SIGKILL at
// random moments while the server is restarted once; compares all parts byte for byte and prints rows a second and the peak memory of a
// process as JSON lines. Needs redis-server, and Linux for the memory. Usage, from the project's root:
//   node --conditions=source --import tsx tooling/bench/src/experiments/batch-scoring.ts --rows 10000000 --kills 20 [--bundle <folder>]
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { finish, makePlan, savePlan, shardRunner, type Manifest } from "@corella/batch";
import { openBundle } from "@corella/bundle";
import { saveTinyBundle } from "@corella/bundle/testing";
import { redisServer } from "@corella/jobs/testing";
import { createGenerator } from "@corella/random";
import { DuckDBInstance } from "@duckdb/node-api";
import { Command } from "commander";

const options = new Command()
  .option("--rows <count>", "rows to score", Number, 100_000)
  .option("--shard-rows <count>", "rows a part", Number, 100_000)
  .option("--kills <count>", "SIGKILLs of workers", Number, 20)
  .option("--seed <number>", "of the moments", Number, 1)
  .option("--bundle <folder>", "default: a small CRM that is not trained")
  .parse()
  .opts<{ rows: number; shardRows: number; kills: number; seed: number; bundle?: string }>();

const folder = await mkdtemp(join(tmpdir(), "corella-batch-scoring-"));
const bundle = options.bundle ?? join(folder, "bundle");
if (options.bundle === undefined) await saveTinyBundle(bundle, ["crm"]);
const input = join(folder, "rows.parquet");
await writeRows();

const inProcess = await measured("in this process", async () => {
  const plan = await makePlan({ ...planned("in-process"), inputs: [input] });
  await savePlan(plan);
  const runner = shardRunner(plan);
  for (const shard of plan.shards.keys()) await runner.run(shard);
  await runner.close();
  return finish(plan);
});
const one = await measured("one local process", () => score("one", ["--parallel", "1"]));
const two = await measured("two local processes", () => score("two", ["--parallel", "2"]));
const killed = await measured("two workers, killed", () => scoreWithKills(two.seconds));
for (const { name, parts } of [one, two, killed])
  if (parts !== inProcess.parts) throw new Error(`${name}: other bytes than in one process.`);
console.log(
  JSON.stringify({
    rows: options.rows,
    sameBytes: true,
    twoAgainstOne: round(one.seconds / two.seconds),
    twoAgainstInProcess: round(inProcess.seconds / two.seconds),
  }),
);
await rm(folder, { recursive: true });

function planned(output: string): { bundle: string; output: string; shardRows: number; llm: "never" } {
  return { bundle, output: join(folder, output), shardRows: options.shardRows, llm: "never" };
}

/** Known users and items in a scattered order, at the end of the bundle's log. */
async function writeRows(): Promise<void> {
  const opened = await openBundle(bundle);
  const users = (await opened.histories()).some(10_000);
  const items = opened.catalogue.ids;
  const list = (values: readonly string[]): string =>
    `[${values.map((value) => `'${value.replaceAll("'", "''")}'`).join(", ")}]`;
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  await connection.run(`CREATE TABLE names AS SELECT ${list(users)} AS users, ${list(items)} AS items`);
  await connection.run(
    `COPY (SELECT users[1 + (i * 7919) % ${users.length}] AS "user", items[1 + (i * 104729) % ${items.length}] AS item FROM names, range(${options.rows}) t(i)) TO '${input}' (FORMAT parquet)`,
  );
  connection.closeSync();
  instance.closeSync();
}

interface Measured {
  readonly name: string;
  readonly seconds: number;
  /** Of all parts, in order. */
  readonly parts: string;
}

async function measured(name: string, work: () => Promise<Manifest>): Promise<Measured> {
  const memory = watchMemory();
  const startMs = performance.now();
  const { parts } = await work();
  const seconds = (performance.now() - startMs) / 1000;
  const peakMiB = await memory.stop();
  const rowsPerSecond = Math.round(options.rows / seconds);
  console.log(JSON.stringify({ name, rows: options.rows, seconds: round(seconds), rowsPerSecond, peakMiB }));
  return { name, seconds, parts: parts.map(({ sha256 }) => sha256).join() };
}

function round(value: number): number {
  return Math.round(100 * value) / 100;
}

function start(app: string, words: readonly string[]): ChildProcess {
  const main = join(import.meta.dirname, "../../../../apps", app, "src/main.ts");
  return spawn(process.execPath, ["--conditions=source", "--import", "tsx", main, ...words], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

async function score(output: string, words: readonly string[]): Promise<Manifest> {
  const plan = planned(output);
  const what = ["--bundle", bundle, "--input", input, "--output", plan.output, "--llm", plan.llm];
  const child = start("score", [...what, "--shard-rows", String(plan.shardRows), ...words]);
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`pnpm score ended with ${code}.`);
  return JSON.parse(await readFile(join(plan.output, "manifest.json"), "utf8")) as Manifest;
}

/** @param seconds that the work takes undisturbed, over which the kills are spread */
async function scoreWithKills(seconds: number): Promise<Manifest> {
  const random = createGenerator(options.seed, "kills");
  const server = await redisServer(["--appendonly", "yes"]);
  await server.start();
  const startWorker = (): ChildProcess =>
    start("worker", ["--redis", server.url, "--slots", "1", "--lock", "2"]);
  const workers = [startWorker(), startWorker()];
  let ended = false;
  const scoring = score("killed", ["--workers", server.url]).finally(() => (ended = true));
  let kills = 0;
  const restartAt = Math.floor(options.kills / 2);
  const killing = (async () => {
    while (kills < options.kills) {
      await delay(1000 * random.uniform() * 2 * Math.max(seconds / options.kills, 1));
      if (ended) return;
      const place = random.uniform() < 0.5 ? 0 : 1;
      workers[place]!.kill("SIGKILL");
      workers[place] = startWorker();
      if (kills++ !== restartAt) continue;
      await server.stop("SIGKILL");
      await server.start();
    }
  })();
  try {
    return await scoring;
  } finally {
    await killing;
    for (const worker of workers) worker.kill("SIGTERM");
    await server.remove();
    console.log(JSON.stringify({ kills, restarts: kills > restartAt ? 1 : 0 }));
  }
}

/** The highest peak of this process' children and theirs that score, or of this process where none does, in MiB. */
function watchMemory(): { stop(): Promise<number> } {
  let peakKiB = 0;
  const look = async (): Promise<void> => {
    for (const pid of await readdir("/proc")) {
      if (!/^\d+$/.test(pid)) continue;
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      if (!command.includes("\0run\0--plan\0") || !command.includes(folder)) continue;
      peakKiB = Math.max(peakKiB, await peakOf(pid));
    }
  };
  const timer = setInterval(() => void look().catch(() => {}), 200);
  return {
    async stop() {
      clearInterval(timer);
      return Math.round((peakKiB || (await peakOf("self"))) / 1024);
    },
  };
}

async function peakOf(pid: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
}
