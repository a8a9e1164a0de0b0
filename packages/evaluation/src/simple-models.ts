import { logit, sigmoid } from "@corella/routing";
import type { ModelPredictions } from "./evaluate.ts";

/** Who rated what, and how it ended, row by row: codes of users and items, and labels of 0 and 1. */
export interface LabelledRows {
  readonly user: ArrayLike<number>;
  readonly item: ArrayLike<number>;
  readonly label: ArrayLike<number>;
}

/** Events of the mean of all that a mean of one's own is shrunk by: as the running statistics of the features are. */
const priorEvents = 5;

/**
 * What a model must beat, learned from the training rows alone: for everyone the share of positives; for each item the share
 * of its own, shrunk by five events of the first; and the item's with the user's, shrunk alike: in logits, the two less the
 * first. Empty without training rows.
 * @param train rows of the training part @param rows that are predicted; those of the training part would know their answers
 */
export function simpleModels(
  { user, item, label }: LabelledRows,
  train: ArrayLike<number>,
  rows: ArrayLike<number>,
): ModelPredictions[] {
  if (train.length === 0) return [];
  let positives = 0;
  for (let i = 0; i < train.length; i++) positives += label[train[i]!]!;
  // Of one class, as if half a sample were of the other: nobody should be so sure.
  const share = positives / train.length;
  const mean = Math.min(Math.max(share, 0.5 / (train.length + 1)), 1 - 0.5 / (train.length + 1));
  const ofItem = shrunkShares(item, label, train, mean);
  const ofUser = shrunkShares(user, label, train, mean);
  const each = (of: (row: number) => number): Float32Array => Float32Array.from(rows, of);
  const both = (row: number): number =>
    sigmoid(logit(ofUser(user[row]!)) + logit(ofItem(item[row]!)) - logit(mean));
  const models: [name: string, title: string, probabilities: Float32Array][] = [
    ["constant", "constant", each(() => mean)],
    ["item-mean", "item mean", each((row) => ofItem(item[row]!))],
    ["user-item-mean", "user and item means", each(both)],
  ];
  return models.map(([name, title, probabilities]) => ({ name, title, probabilities, isSimple: true }));
}

/** The share of positives of each key, shrunk by `priorEvents` of the mean of all; of an unknown key that mean. */
function shrunkShares(
  keys: ArrayLike<number>,
  label: ArrayLike<number>,
  train: ArrayLike<number>,
  mean: number,
): (key: number) => number {
  const positives = new Map<number, number>();
  const counts = new Map<number, number>();
  for (let i = 0; i < train.length; i++) {
    const key = keys[train[i]!]!;
    positives.set(key, (positives.get(key) ?? 0) + label[train[i]!]!);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return (key) => ((positives.get(key) ?? 0) + priorEvents * mean) / ((counts.get(key) ?? 0) + priorEvents);
}
