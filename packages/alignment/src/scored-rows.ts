import type { InteractionLog } from "@corella/modality";
import { createGenerator, permutation } from "@corella/random";
import { randomSubset, type PreparedData } from "./data.ts";
import { denseWindows } from "./llm/dense-windows.ts";
import { randomRuns } from "./llm/target-runs.ts";
import type { ResolvedConfig } from "./run.ts";

/** The rows of the test part that a run scores, and of the validation part on which its router is fitted. */
export function scoredRows(
  { seed, routing, testSamples, llm, prompt }: ResolvedConfig,
  { log, split }: PreparedData,
): { readonly validation: Uint32Array; readonly test: Uint32Array } {
  const { validationSamples } = routing;
  return {
    // Of as many users as it can be: what a router gains is judged by users.
    validation:
      llm.supervision === "dense"
        ? rowsOfWindows(log, split.validation, prompt, validationSamples, seed)
        : randomSubset(split.validation, validationSamples, seed, "validation"),
    test: sampledTestRows(log, split.test, testSamples),
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

/** Rows in whole windows, which one pass asks about: at least `size`, all when there are not more. In ascending order. */
function rowsOfWindows(
  log: InteractionLog,
  rows: Uint32Array,
  prompt: ResolvedConfig["prompt"],
  size: number,
  seed: number,
): Uint32Array {
  if (size >= rows.length) return rows;
  const windows = randomRuns(denseWindows(log, rows, prompt), size, seed, "validation");
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
