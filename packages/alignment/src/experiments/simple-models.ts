import type { InteractionLog } from "@corella/modality";

/** Events of the mean of all that an item's own mean is shrunk by: as the running statistics of the features are. */
const priorEvents = 5;

/**
 * What a model must beat: the share of positive samples of the training part for everyone, and for each item the share
 * of its own, shrunk by five events of the first.
 * @param train rows of the training part @param rows that are predicted
 */
export function simpleModels(
  { item, label }: Pick<InteractionLog, "item" | "label">,
  train: Uint32Array,
  rows: Uint32Array,
): { readonly constant: Float32Array; readonly itemMean: Float32Array } {
  const positives = new Map<number, number>();
  const counts = new Map<number, number>();
  let all = 0;
  for (const row of train) {
    const of = item[row]!;
    all += label[row]!;
    positives.set(of, (positives.get(of) ?? 0) + label[row]!);
    counts.set(of, (counts.get(of) ?? 0) + 1);
  }
  const mean = all / train.length;
  return {
    constant: new Float32Array(rows.length).fill(mean),
    itemMean: Float32Array.from(rows, (row) => {
      const of = item[row]!;
      return ((positives.get(of) ?? 0) + priorEvents * mean) / ((counts.get(of) ?? 0) + priorEvents);
    }),
  };
}
