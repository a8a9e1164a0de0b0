import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { openBundle } from "@corella/bundle";
import { CorellaError } from "@corella/errors";
import { mapColumns, unreadColumns } from "./columns.ts";
import { describeInput } from "./input/input.ts";
import { openOutput } from "./output/open-output.ts";
import { outputSchema, planSchema, type Plan, type Shard } from "./plan-format.ts";

/** The plan's file in the output's folder. */
export const planFile = "plan.json";

/** What a plan is made of. */
export interface PlanOptions {
  readonly bundle: string;
  readonly inputs: readonly string[];
  readonly output: string;
  /** Names of the columns for user, item and time where they are called otherwise. */
  readonly columns?: { readonly user?: string; readonly item?: string; readonly time?: string } | undefined;
  /** Default: the time of the bundle's last event. */
  readonly now?: number | undefined;
  readonly llm?: Plan["llm"] | undefined;
  readonly malformed?: Plan["malformed"] | undefined;
  /** Default 1. */
  readonly threads?: number | undefined;
  /** Gets the names of columns that the bundle has no use for, such as misspelt ones. */
  readonly onUnread?: ((columns: readonly string[], path: string) => void) | undefined;
  /** Default 100,000; 10,000 where an LLM answers too. */
  readonly shardRows?: number | undefined;
}

/**
 * Makes a plan: reads all inputs once, for their hashes and rows. The same files, bundle and options give the same plan.
 * @throws CorellaError `batch/no-rows`, `batch/no-llm`, `batch/input`, `batch/columns`, those of opening the bundle
 * @example
 * ```ts
 * import { mkdtemp, writeFile } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { makePlan } from "@corella/batch";
 * import { saveTinyBundle } from "@corella/bundle/testing";
 *
 * const folder = await mkdtemp(join(tmpdir(), "example-"));
 * const [bundle, input] = [join(folder, "bundle"), join(folder, "rows.csv")];
 * await saveTinyBundle(bundle, ["crm"]); // in place of one that training wrote
 * await writeFile(input, "user,item\nuser-1,item-2\nuser-3,item-4\nuser-5,item-6\n");
 * const plan = await makePlan({ bundle, inputs: [input], output: join(folder, "scores"), shardRows: 2 });
 * console.log(plan.shards.map(({ rows }) => rows)); // [ 2, 1 ]
 * ```
 */
export async function makePlan(options: PlanOptions): Promise<Plan> {
  const bundle = await openBundle(options.bundle);
  const llm = options.llm ?? "auto";
  if (llm === "always" && !bundle.models.includes("llm")) throw noLlm(options.bundle);
  const asksLlm = bundle.models.includes("llm") && llm !== "never";
  const shardRows = options.shardRows ?? (asksLlm ? 10_000 : 100_000);
  const inputs: Plan["inputs"][number][] = [];
  const shards: Shard[] = [];
  let columns: Plan["columns"] | undefined;
  for (const [index, path] of options.inputs.entries()) {
    const { names, ranges, ...input } = await describeInput(path, shardRows);
    const mapped = mapColumns(names, path, options.columns ?? {}, bundle);
    if (columns === undefined) {
      columns = mapped;
      const unread = unreadColumns(names, mapped);
      if (unread.length > 0) options.onUnread?.(unread, path);
    }
    if (JSON.stringify(columns) !== JSON.stringify(mapped)) throw otherColumns(path, options.inputs[0]!);
    inputs.push(input);
    for (const range of ranges) shards.push({ input: index, ...range });
  }
  if (shards.length === 0) throw noRows(options.inputs);
  const { latest } = await bundle.histories();
  const plan: Omit<Plan, "hash"> = {
    format: 1,
    bundle: {
      folder: options.bundle,
      name: bundle.name,
      manifest: await manifestHash(options.bundle),
    },
    inputs,
    columns: columns!,
    now: options.now ?? (Number.isFinite(latest) ? latest : 0),
    llm,
    malformed: options.malformed ?? "error",
    threads: options.threads ?? 1,
    shards,
    output: options.output,
    schema: outputSchema,
  };
  return { ...plan, hash: hashOf(plan) };
}

/**
 * Writes a plan into its output's folder, where it must be the only one.
 * @throws CorellaError `batch/other-plan`
 */
export async function savePlan(plan: Plan): Promise<void> {
  const output = await openOutput(plan.output, { create: true });
  if (await output.putNew(planFile, Buffer.from(`${JSON.stringify(plan, null, 1)}\n`))) return;
  const other = await readPlan(plan.output);
  if (other.hash === plan.hash) return;
  throw new CorellaError({
    code: "batch/other-plan",
    message: "Another plan is written here: other inputs, another bundle or other options.",
    place: output.placeOf(planFile),
    remedy: "Choose another folder, or empty this one.",
  });
}

/**
 * Reads the plan of an output's folder.
 * @param output the folder or s3://bucket/prefix, also with `/plan.json` behind it
 * @throws CorellaError `batch/no-plan`, `batch/damaged`
 */
export async function readPlan(output: string): Promise<Plan> {
  const folder = output.endsWith(`/${planFile}`) ? output.slice(0, -planFile.length - 1) : output;
  const store = await openOutput(folder);
  const bytes = await store.get(planFile);
  const place = store.placeOf(planFile);
  if (bytes === undefined)
    throw new CorellaError({
      code: "batch/no-plan",
      message: "There is no plan here.",
      place,
      remedy: "Make one first, or name the folder that holds it.",
    });
  const parsed = planSchema.safeParse(parseJson(bytes));
  if (parsed.success) {
    const { hash, ...rest } = parsed.data;
    if (hashOf(rest) === hash) return parsed.data;
  }
  throw new CorellaError({
    code: "batch/damaged",
    message: "The plan was changed, or is of another version: it is not what its hash says.",
    place,
    remedy: "Make a new one, in another folder.",
  });
}

/** Bytes as JSON; undefined if they are none. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}

/** @throws CorellaError `batch/other-bundle` when the bundle of a plan is not the one that was planned */
export async function requireSameBundle({ bundle }: Plan): Promise<void> {
  if ((await manifestHash(bundle.folder)) === bundle.manifest) return;
  throw new CorellaError({
    code: "batch/other-bundle",
    message: "The bundle is another one than when the plan was made.",
    place: bundle.folder,
    remedy: "Put the old one back, or make a new plan in another folder.",
  });
}

async function manifestHash(folder: string): Promise<string> {
  const bytes = await readFile(`${folder}/manifest.json`).catch((cause: unknown) => {
    throw new CorellaError({
      code: "bundle/missing",
      message: "There is no bundle here.",
      place: folder,
      remedy:
        "Paths of a plan start at the working directory: begin where it was made, or put the bundle there.",
      cause,
    });
  });
  return createHash("sha256").update(bytes).digest("hex");
}

/** SHA-256 of a plan with its keys in one order. */
function hashOf(plan: Omit<Plan, "hash">): string {
  const ordered = (_: string, value: unknown): unknown =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return createHash("sha256").update(JSON.stringify(plan, ordered)).digest("hex");
}

function otherColumns(path: string, first: string): CorellaError {
  return new CorellaError({
    code: "batch/columns",
    message: `Its columns are not those of ${first}.`,
    place: path,
    remedy: "Score files of different columns apart.",
  });
}

function noLlm(place: string): CorellaError {
  return new CorellaError({
    code: "batch/no-llm",
    message: "The LLM is to answer all rows, and the bundle has none.",
    place,
    remedy: "Leave it to the router (--llm auto), or name a bundle with an LLM.",
  });
}

function noRows(inputs: readonly string[]): CorellaError {
  return new CorellaError({
    code: "batch/no-rows",
    message: "There is no row to score.",
    place: inputs.join(", "),
    remedy: "Name files with rows.",
  });
}
