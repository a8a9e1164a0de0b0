import type { InteractionLog } from "@corella/modality";
import { createGenerator, permutation } from "@corella/random";
import type { RunConfig } from "./config/config.ts";
import { randomSubset, type PreparedData } from "./data.ts";
import { denseWindows } from "./llm/dense-windows.ts";
import { randomRuns } from "./llm/target-runs.ts";
import type { ResolvedConfig } from "./run.ts";

/** The validation part by what its rows are for. Both are all of it where nothing is held out. */
export interface ValidationRows {
  /** By these the values of models are chosen: the best steps of a training, settings in a search. */
  readonly choosing: Uint32Array;
  /** On these the router is fitted, and of these are the figures that a run ends with. */
  readonly held: Uint32Array;
}

/**
 * Divides the validation part by whole users, drawn at random: `routing.heldOut` of its rows, or a few more, are held out of
 * all choices. The same for every seed of a run, so that no seed fits its router on users by whom settings were chosen.
 */
export function validationRows(
  { routing: { heldOut } }: Pick<RunConfig, "routing">,
  { log, split: { validation } }: Pick<PreparedData, "log" | "split">,
): ValidationRows {
  if (heldOut === 0) return { choosing: validation, held: validation };
  const held = rowsOfUsers(log, validation, Math.ceil(heldOut * validation.length), 1, "held");
  const isHeld = new Set(held);
  return { choosing: validation.filter((row) => !isHeld.has(row)), held };
}

/** The rows of the test part that a run scores, and of the validation part on which its router is fitted. */
export function scoredRows(
  config: ResolvedConfig,
  data: PreparedData,
): { readonly validation: Uint32Array; readonly test: Uint32Array } {
  const { log, split } = data;
  const { held } = validationRows(config, data);
  return {
    // Of as many users as it can be: what a router gains is judged by users.
    validation: askedRows(config, log, held, config.routing.validationSamples, "validation"),
    test: sampledTestRows(log, split.test, config.testSamples),
  };
}

/** At least `count` rows of a test part, of random whole users; undefined: all. The same for every seed of a run: seeds are compared row by row. */
export function sampledTestRows(
  log: InteractionLog,
  test: Uint32Array,
  count: number | undefined,
): Uint32Array {
  return count === undefined ? test : rowsOfUsers(log, test, count, 1, "test");
}

/**
 * Random rows that an LLM is asked about, decided by seed and purpose: in whole windows where one pass asks about many, then at
 * least `size`; all when there are not more.
 * @returns the rows in ascending order
 */
export function askedRows(
  { seed, llm, prompt }: Pick<ResolvedConfig, "seed" | "llm" | "prompt">,
  log: InteractionLog,
  rows: Uint32Array,
  size: number,
  purpose: string,
): Uint32Array {
  if (llm.supervision !== "dense") return randomSubset(rows, size, seed, purpose);
  if (size >= rows.length) return rows;
  const windows = randomRuns(denseWindows(log, rows, prompt), size, seed, purpose);
  return Uint32Array.from(windows.flatMap((window) => [...window.rows])).sort();
}

/**
 * Rows of random users, all of each, decided by seed and purpose: at least `size` rows, as few as it takes; all rows when
 * there are not more. Prompts of one user's rows go on from one another, and what is said of users needs whole ones.
 * @returns the rows in ascending order
 */
export function rowsOfUsers(
  { user, users }: InteractionLog,
  rows: Uint32Array,
  size: number,
  seed: number,
  purpose: string,
): Uint32Array {
  if (size >= rows.length) return rows;
  const counts = new Uint32Array(users.ids.length);
  for (const row of rows) counts[user[row]!]! += 1;
  const chosen = new Uint8Array(counts.length);
  let left = size;
  for (const one of permutation(counts.length, createGenerator(seed, `users/${purpose}`))) {
    if (left <= 0) break;
    chosen[one] = 1;
    left -= counts[one]!;
  }
  return rows.filter((row) => chosen[user[row]!] === 1);
}
