import type { HistoryEvent, RatingRecord } from "../record.ts";

/** The vector of an item, by its id; undefined where there is none. Where it comes from is the caller's choice. */
export type ItemEmbedding = (item: string) => ArrayLike<number> | undefined;

/** A vector for each of some items: values [items, dim]. */
export interface ItemVectors {
  readonly items: readonly string[];
  readonly values: Float32Array;
}

/** Looks up vectors by item. The vectors are views of `values`. */
export function embeddingFrom({ items, values }: ItemVectors): ItemEmbedding {
  const dim = values.length / items.length;
  const positions = new Map(items.map((item, position) => [item, position]));
  return (item) => {
    const position = positions.get(item);
    return position === undefined ? undefined : values.subarray(position * dim, (position + 1) * dim);
  };
}

/** The events of a record that a prompt of so many tells, oldest first. */
export type ChooseEvents = (count: number) => readonly HistoryEvent[];

/** Chooses the latest events of a record. */
export function newestEvents({ history }: RatingRecord): ChooseEvents {
  return (count) => (count === 0 ? [] : history.slice(-count));
}

/**
 * The events whose items are most similar to the target by cosine, still in the order of time; of equally similar ones
 * the newer. Items without a vector come last. Nothing but the record's history is looked at, so nothing can leak.
 * Source: Lin et al., ReLLa: Retrieval-enhanced Large Language Models for Lifelong Sequential Behavior Comprehension, 2024.
 */
export function mostSimilarEvents(
  { history, item }: Pick<RatingRecord, "history" | "item">,
  embedding: ItemEmbedding,
): ChooseEvents {
  const target = embedding(item);
  const similarity = history.map((event) => {
    const vector = target === undefined ? undefined : embedding(event.item);
    return vector === undefined ? Number.NEGATIVE_INFINITY : cosine(target!, vector);
  });
  const ranked = [...history.keys()].sort((a, b) =>
    similarity[a] === similarity[b] ? b - a : similarity[b]! - similarity[a]!,
  );
  return (count) =>
    ranked
      .slice(0, count)
      .sort((a, b) => a - b)
      .map((position) => history[position]!);
}

/** a·b / (|a| |b|); 0 for a vector of zeros. */
function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, squaresA, squaresB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    squaresA += a[i]! * a[i]!;
    squaresB += b[i]! * b[i]!;
  }
  const norms = Math.sqrt(squaresA * squaresB);
  return norms === 0 ? 0 : dot / norms;
}
