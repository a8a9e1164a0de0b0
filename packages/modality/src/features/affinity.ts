import { historyOf, type InteractionLog, isLiked } from "../log.ts";
import type { HistoryEvent } from "../record.ts";
import type { AffinityConfig } from "../vectors/config.ts";
import { affinityOf, type VectorTable } from "../vectors/look-up.ts";
import type { FeatureMap, FittedAffinity } from "./feature-map.ts";

/** What an affinity needs to know of histories. */
type Histories = Pick<FeatureMap, "historyLength" | "likedThreshold">;

/** The user's affinity to the item of a row of a log, by the user's history before it. */
export function affinityByRow(
  vectors: VectorTable,
  log: InteractionLog,
  { historyLength, likedThreshold }: Histories,
  { maxLength = historyLength }: AffinityConfig,
): (row: number) => number | undefined {
  const window = Math.min(maxLength, historyLength);
  const rowOf = Int32Array.from(log.items.ids, (id) => vectors.rowOf(id));
  const liked = Uint8Array.from(log.rating, (rating) => (isLiked(rating, likedThreshold) ? 1 : 0));
  const sum = new Float64Array(vectors.dim);
  return (row) => {
    const past = historyOf(log, row, window);
    const events = {
      length: past.length,
      rowAt: (event: number) => rowOf[log.item[past[event]!]!]!,
      likedAt: (event: number) => liked[past[event]!] === 1,
    };
    return affinityOf(vectors, rowOf[log.item[row]!]!, events, sum);
  };
}

/** The affinity of a user with such a history to an item. @param history within the feature map's window, oldest first */
export function affinityOfRecord(
  { historyLength, likedThreshold }: Histories,
  { config: { maxLength = historyLength }, vectors }: FittedAffinity,
  item: string,
  history: readonly HistoryEvent[],
): number | undefined {
  const past = history.slice(-maxLength);
  return affinityOf(vectors, vectors.rowOf(item), {
    length: past.length,
    rowAt: (event) => vectors.rowOf(past[event]!.item),
    likedAt: (event) => isLiked(past[event]!.rating, likedThreshold),
  });
}
