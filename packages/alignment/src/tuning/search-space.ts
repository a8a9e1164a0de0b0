import { CorellaError } from "@corella/errors";
import { createGenerator, permutation, type Generator } from "@corella/random";
import { parseStrict } from "@corella/configuration";
import { z } from "zod";

/** Numbers between two bounds. */
export interface Range {
  readonly from: number;
  readonly to: number;
  /** Whether equal factors, not equal differences, are equally likely. */
  readonly scale: "linear" | "log";
  /** Whole numbers only. */
  readonly whole: boolean;
  /** So many values of it, evenly spaced, when all combinations are tried. */
  readonly steps?: number | undefined;
}

/** The values to try of a setting. */
export type Choices = readonly unknown[] | Range;

/** What a search file says. */
export interface SearchConfig {
  /** The run's configuration; relative to the search file. */
  readonly config?: string | undefined;
  /** By path of the setting, such as `stages.warmUp.learningRate`. */
  readonly search: Readonly<Record<string, Choices>>;
  /** All combinations, or so many at random. */
  readonly trials: "all" | number;
  /** Of the choice at random. */
  readonly seed: number;
  /** The best configuration is trained with so many seeds. */
  readonly seeds: number;
  readonly stopping: MedianRule | AshaRule | "none";
  /**
   * What a trial trains: the CRM stage, or the whole of the configuration's recipe. Left out: the whole where a setting is searched
   * that the CRM stage does not read.
   */
  readonly trial?: TrialKind | undefined;
}

/** What a trial trains. */
export type TrialKind = "crm" | "run";

/**
 * Asynchronous successive halving: Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020. Trials are paused at
 * the end of a rung, and the best of it go on to the next.
 */
export interface AshaRule {
  /** The paper's eta: one of so many goes on, and is trained so many times as long. */
  readonly factor: number;
  /** The end of the first rung; default: what makes three rungs of the longest training. */
  readonly firstEpochs?: number | undefined;
}

/** Whether a rule pauses trials in rungs. */
export function isAsha(stopping: SearchConfig["stopping"]): stopping is AshaRule {
  return stopping !== "none" && "factor" in stopping;
}

/**
 * Ends a trial whose best validation AUC is below the median of the others' after as many samples, and after as large a
 * part of their trainings: the median stopping rule of Golovin et al., Google Vizier, KDD 2017, section 3.2.
 */
export interface MedianRule {
  /** With so many trials to compare with, at least. */
  readonly afterTrials: number;
  /** Not before so many epochs: small learning rates start slowly and may end best. */
  readonly afterEpochs: number;
}

const rangeSchema = z.strictObject({
  from: z.number(),
  to: z.number(),
  scale: z.enum(["linear", "log"]).default("linear"),
  whole: z.boolean().default(false),
  steps: z.int().min(2).optional(),
});

const ashaSchema = z.strictObject({
  factor: z.int().min(2).default(4),
  firstEpochs: z.number().positive().optional(),
});

const medianSchema = z.strictObject({
  afterTrials: z.int().positive().default(3),
  afterEpochs: z.number().nonnegative().default(1),
});

const searchSchema = z.strictObject({
  config: z.string().min(1).optional(),
  search: z.record(z.string().min(1), z.union([z.array(z.unknown()).min(1), rangeSchema])).default({}),
  trials: z.union([z.literal("all"), z.int().positive()]).default("all"),
  seed: z.int().nonnegative().default(1),
  seeds: z.int().positive().default(5),
  trial: z.enum(["crm", "run"]).optional(),
  stopping: z.unknown().optional(),
});

/** Each rule by its own schema, so that an error names what is wrong within it. */
function parseStopping(stopping: unknown, place: string): SearchConfig["stopping"] {
  if (stopping === "none") return stopping;
  if (stopping === "asha") return ashaSchema.parse({});
  if (stopping === "median") return medianSchema.parse({});
  const isOfAsha = typeof stopping === "object" && stopping !== null && "asha" in stopping;
  const within = { stopping };
  if (isOfAsha) {
    const schema = z.strictObject({ stopping: z.strictObject({ asha: ashaSchema }) });
    return parseStrict(schema, within, place).stopping.asha;
  }
  return parseStrict(z.strictObject({ stopping: medianSchema.prefault({}) }), within, place).stopping;
}

/**
 * Checks a search file and fills in its defaults.
 * @throws CorellaError `config/unknown-key`, `config/invalid`, `tune/range`
 */
export function parseSearch(input: unknown, place: string): SearchConfig {
  const { stopping, ...rest } = parseStrict(searchSchema, input, place);
  const parsed: SearchConfig = { ...rest, stopping: parseStopping(stopping, place) };
  requirePathsApart(Object.keys(parsed.search));
  for (const [path, choices] of Object.entries(parsed.search)) {
    if (!isRange(choices)) continue;
    const fail = (message: string, remedy: string): never => {
      throw new CorellaError({ code: "tune/range", message, place: `search.${path}`, remedy });
    };
    if (choices.from >= choices.to) fail("The range has no room.", "Choose `from` below `to`.");
    if (choices.whole && Math.ceil(choices.from) > Math.floor(choices.to))
      fail("There is no whole number in the range.", "Choose other bounds, or leave `whole` out.");
    if (choices.scale === "log" && choices.from <= 0)
      fail("A range on a logarithmic scale begins above 0.", "Raise `from`, or use scale: linear.");
    if (choices.steps === undefined && parsed.trials === "all")
      fail(
        "A range has no end of values.",
        "Give it `steps`, list the values, or set `trials` to a number of random ones.",
      );
  }
  if (parsed.trials === "all") requireCountable(parsed);
  return parsed;
}

/** A setting and a part of it, in this order, are two settings; the other way round nothing would be left of the part. */
function requirePathsApart(paths: readonly string[]): void {
  for (const [index, path] of paths.entries()) {
    const whole = paths.slice(index + 1).find((later) => path.startsWith(`${later}.`));
    if (whole === undefined) continue;
    throw new CorellaError({
      code: "tune/paths",
      message: `The values of ${whole} come after those of ${path}, which is a part of it, and would take their place.`,
      place: `search.${path}`,
      remedy: `Write ${whole} before ${path}, or search one of them.`,
    });
  }
}

/** More than a search could ever train; a list of them does not fit the memory either. */
const mostTrials = 1_000_000;

function requireCountable({ search }: Pick<SearchConfig, "search">): void {
  const lists = Object.values(search).map((choices) => valuesOf(choices)!);
  const count = combinationsOf(lists);
  if (count <= mostTrials) return;
  throw new CorellaError({
    code: "tune/too-many",
    message: `There are ${count.toLocaleString("en")} combinations.`,
    place: "search",
    remedy: "Set `trials` to a number of random ones, or search fewer values.",
  });
}

function isRange(choices: Choices): choices is Range {
  return !Array.isArray(choices);
}

/** The settings of one trial, by path. */
export type Settings = Readonly<Record<string, unknown>>;

/**
 * All trials of a search, none twice; the same for the same seed. One without settings when there is nothing to choose. All combinations
 * come in order, but drawn where trials are halved: each that is better than those before it goes on, which in order may be most.
 */
export function enumerateTrials({ search, trials, seed, stopping }: SearchConfig): Settings[] {
  const paths = Object.keys(search);
  const lists = paths.map((path) => valuesOf(search[path]!));
  if (lists.every((list) => list !== undefined)) {
    const count = combinationsOf(lists);
    const places =
      trials === "all" && !isAsha(stopping)
        ? Array.from({ length: count }, (_, place) => place)
        : drawPlaces(count, trials === "all" ? count : trials, createGenerator(seed, "tune/trials"));
    return Array.from(places, (place) => combinationAt(paths, lists, place));
  }
  // Where a range has no steps, `parseSearch` asks for a number.
  const count = trials as number;
  const random = createGenerator(seed, "tune/trials");
  const found = new Map<string, Settings>();
  // A space of whole numbers may hold fewer than were asked for.
  for (let draw = 0; draw < count * 20 && found.size < count; draw++) {
    const settings = Object.fromEntries(
      paths.map((path, i) => [path, drawFrom(search[path]!, lists[i], () => random.uniform())]),
    );
    found.set(JSON.stringify(settings), settings);
  }
  return [...found.values()];
}

/** The values of a list, or of a range with steps; undefined for a range without. */
function valuesOf(choices: Choices): readonly unknown[] | undefined {
  if (!isRange(choices)) return choices;
  const { steps } = choices;
  if (steps === undefined) return undefined;
  return [...new Set(Array.from({ length: steps }, (_, i) => at(choices, i / (steps - 1))))];
}

/** The value of a range at a share of its way, with six digits, and within its bounds. */
function at({ from, to, scale, whole }: Range, share: number): number {
  const [low, high] = whole ? [Math.ceil(from), Math.floor(to)] : [from, to];
  const value = between(low, high, scale, share);
  return clamp(low, high, whole ? Math.round(value) : Number(value.toPrecision(6)));
}

function drawFrom(choices: Choices, list: readonly unknown[] | undefined, uniform: () => number): unknown {
  if (list !== undefined) return list[Math.floor(uniform() * list.length)];
  const range = choices as Range;
  if (!range.whole) return at(range, uniform());
  // Each whole number has the room of what is rounded to it, the first and the last one too.
  const [low, high] = [Math.ceil(range.from), Math.floor(range.to)];
  return clamp(low, high, Math.round(between(low - 0.5, high + 0.5, range.scale, uniform())));
}

function between(low: number, high: number, scale: Range["scale"], share: number): number {
  return scale === "log" ? low * (high / low) ** share : low + (high - low) * share;
}

function clamp(low: number, high: number, value: number): number {
  return Math.min(high, Math.max(low, value));
}

function combinationsOf(lists: readonly (readonly unknown[])[]): number {
  return lists.reduce((product, { length }) => product * length, 1);
}

/** One of all combinations, by its place in their order: the last setting changes first. */
function combinationAt(
  paths: readonly string[],
  lists: readonly (readonly unknown[])[],
  place: number,
): Settings {
  let left = place;
  const values = lists.toReversed().map((list) => {
    const value = list[left % list.length];
    left = Math.floor(left / list.length);
    return value;
  });
  return Object.fromEntries(paths.map((path, i) => [path, values.at(-1 - i)]));
}

/** So many places below a count, at random and none twice; all where there are not more. */
function drawPlaces(count: number, wanted: number, random: Generator): Iterable<number> {
  if (count <= mostTrials) return permutation(count, random).subarray(0, wanted);
  const drawn = new Set<number>();
  while (drawn.size < Math.min(wanted, mostTrials)) drawn.add(Math.floor(random.uniform() * count));
  return drawn;
}
