import type { InteractionLog } from "@corella/modality";
import { rowsOfUsers } from "../scored-rows.ts";

/** So many rows of the test part or a few more, those of whole users: the same for every seed of a run, so that runs can be compared row by row. */
export function rowsOfSampledUsers(log: InteractionLog, test: Uint32Array, count: number): Uint32Array {
  return rowsOfUsers(log, test, count, 1, "test");
}
