import { createHash } from "node:crypto";
import { loadPredictor, openBundle, type Bundle, type Prediction, type Predictor } from "@corella/bundle";
import { CorellaError } from "@corella/errors";
import type { RatingRecord } from "@corella/modality";
import type { RoutingPolicy } from "@corella/routing";
import { z } from "zod";
import { rowsOfShard } from "./input/input.ts";
import type { InputRow } from "./input/row.ts";
import { openOutput } from "./output/open-output.ts";
import type { Output } from "./output/output.ts";
import { openPartFile } from "./part-file.ts";
import type { Plan } from "./plan-format.ts";
import { parseJson, requireSameBundle } from "./plan.ts";
import { recordMaker } from "./records.ts";

/** Rows that are asked at once. Always the same ones, so that the answers have the same bits. */
const batchRows = 1024;

/** What stands beside a part. */
export interface Sidecar {
  /** Hash of the plan. */
  readonly plan: string;
  readonly shard: number;
  readonly rows: number;
  /** Rows without an answer. */
  readonly malformed: number;
  readonly bytes: number;
  readonly sha256: string;
}

const sidecarSchema: z.ZodType<Sidecar> = z.strictObject({
  plan: z.string(),
  shard: z.int().nonnegative(),
  rows: z.int().positive(),
  malformed: z.int().nonnegative(),
  bytes: z.int().positive(),
  sha256: z.string().length(64),
});

/** Names of a part's Parquet file and of what says that it is whole. */
export function partNames(
  { hash }: Plan,
  shard: number,
): { readonly part: string; readonly sidecar: string } {
  const part = `part-${String(shard).padStart(5, "0")}-${hash.slice(0, 12)}.parquet`;
  return { part, sidecar: `${part}.json` };
}

/** What is beside a part; undefined where the part is not done. */
export async function readSidecar(output: Output, plan: Plan, shard: number): Promise<Sidecar | undefined> {
  const bytes = await output.get(partNames(plan, shard).sidecar);
  const parsed = bytes && sidecarSchema.safeParse(parseJson(bytes));
  return parsed?.success === true && parsed.data.plan === plan.hash ? parsed.data : undefined;
}

/** How a shard comes along. */
export interface RunOptions {
  readonly onRows?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Scores shards of a plan, one after the other. */
export interface ShardRunner {
  /**
   * Scores a shard and writes its part: Parquet, and beside it rows and SHA-256. Where the part is there nothing is done; any number of
   * attempts, one after the other or at once by several runners, leaves one part.
   * @throws CorellaError `batch/malformed`, `batch/shard`, `batch/interrupted`, `batch/other-bundle`, `batch/other-input`, those of the
   * output; what the models throw
   */
  run(index: number, options?: RunOptions): Promise<Sidecar>;
  /** Lets go of the models. */
  close(): Promise<void>;
}

/** A runner that loads the plan's models when the first shard needs them. */
export function shardRunner(plan: Plan): ShardRunner {
  let models: Promise<Models> | undefined;
  return {
    async run(index, options = {}) {
      const shard = plan.shards[index];
      if (shard === undefined) throw noShard(plan, index);
      const output = await openOutput(plan.output);
      const before = await readSidecar(output, plan, index);
      if (before !== undefined) return before;
      await requireSameBundle(plan);
      const { predictor, toRecord, policy } = await (models ??= loadModels(plan));
      const file = await openPartFile();
      const input = plan.inputs[shard.input]!;
      let [done, malformed] = [0, 0];
      try {
        const score = async (rows: readonly InputRow[]): Promise<void> => {
          if (options.signal?.aborted === true) throw interrupted(output.placeOf(""));
          const bad = rows.find((row) => row.malformed !== undefined);
          if (bad !== undefined && plan.malformed === "error") throw malformedRow(input.path, bad);
          const asked = rows.filter((row) => row.malformed === undefined);
          const answers = await predictor.score(asked.map(toRecord), { policy });
          for (const { degraded } of answers) if (degraded !== undefined) throw degraded.cause;
          const left = answers.values();
          const each = rows.map((row): Prediction | undefined =>
            row.malformed === undefined ? left.next().value : undefined,
          );
          file.add(shard.input, rows, each);
          done += rows.length;
          malformed += rows.length - asked.length;
          options.onRows?.(done, shard.rows);
        };
        let waiting: InputRow[] = [];
        for await (const block of rowsOfShard(input, shard, plan.columns)) {
          waiting.push(...block);
          while (waiting.length >= batchRows) {
            await score(waiting.slice(0, batchRows));
            waiting = waiting.slice(batchRows);
          }
        }
        if (waiting.length > 0) await score(waiting);
        if (done !== shard.rows) throw otherCount(input.path, done, shard.rows);
        return await publish(output, plan, index, { part: await file.finish(), rows: done, malformed });
      } finally {
        file.close();
      }
    },
    async close() {
      const loaded = await models?.catch(() => undefined);
      await loaded?.predictor.dispose();
    },
  };
}

/** Scores one shard of a plan; see `ShardRunner.run`. */
export async function runShard(plan: Plan, index: number, options: RunOptions = {}): Promise<Sidecar> {
  const runner = shardRunner(plan);
  try {
    return await runner.run(index, options);
  } finally {
    await runner.close();
  }
}

/** What answers for a plan's rows. */
interface Models {
  readonly predictor: Predictor;
  readonly toRecord: (row: InputRow) => RatingRecord;
  /** Undefined where the bundle's router decides. */
  readonly policy: RoutingPolicy | undefined;
}

async function loadModels(plan: Plan): Promise<Models> {
  const bundle = withoutLlm(await openBundle(plan.bundle.folder), plan);
  const predictor = await loadPredictor(bundle, { runtime: { threads: plan.threads } });
  const toRecord = recordMaker(await bundle.histories(), bundle.catalogue, plan.now);
  const isLlmAsked = plan.llm === "always" && bundle.models.length === 2;
  return { predictor, toRecord, policy: isLlmAsked ? { kind: "all" } : undefined };
}

/** Writes a part and what says that it is whole. Where another attempt was first, its part is told of. */
async function publish(
  output: Output,
  plan: Plan,
  shard: number,
  { part, rows, malformed }: { readonly part: Uint8Array; readonly rows: number; readonly malformed: number },
): Promise<Sidecar> {
  const names = partNames(plan, shard);
  const kept = (await output.putNew(names.part, part)) ? part : (await output.get(names.part))!;
  const sha256 = createHash("sha256").update(kept).digest("hex");
  const sidecar: Sidecar = { plan: plan.hash, shard, rows, malformed, bytes: kept.length, sha256 };
  await output.putNew(names.sidecar, Buffer.from(`${JSON.stringify(sidecar)}\n`));
  return sidecar;
}

/** The bundle's CRM alone where the LLM is not to answer: its weights are then not read. */
function withoutLlm(bundle: Bundle, { llm }: Plan): Bundle {
  if (llm !== "never" || bundle.models.length < 2) return bundle;
  return { ...bundle, models: ["crm"], router: undefined, prompt: undefined };
}

function noShard({ shards, output }: Plan, index: number): CorellaError {
  return new CorellaError({
    code: "batch/shard",
    message: `There is no shard ${index}.`,
    place: output,
    remedy: `The plan has the shards 0 to ${shards.length - 1}.`,
  });
}

function malformedRow(path: string, { row, malformed }: InputRow): CorellaError {
  return new CorellaError({
    code: "batch/malformed",
    message: `A row cannot be asked: ${malformed}.`,
    place: `${path}, row ${row + 1} of the data`,
    remedy: "Mend the file, or plan with malformed rows written without an answer.",
  });
}

function otherCount(path: string, done: number, rows: number): CorellaError {
  return new CorellaError({
    code: "batch/other-input",
    message: `There were ${done} rows instead of ${rows}: the file is another one than when the plan was made.`,
    place: path,
    remedy: "Put the old file there, or make a new plan in another folder.",
  });
}

function interrupted(place: string): CorellaError {
  return new CorellaError({
    code: "batch/interrupted",
    message: "Interrupted while scoring.",
    place,
    remedy: "The same command goes on with what is missing.",
  });
}
