import type { ItemVectors } from "../prompt/similar.ts";

/** In place of a row: the item has no vector. */
export const noVector = -1;

/** Vectors of items, found by id. */
export interface VectorTable {
  /** Numbers of a vector. */
  readonly dim: number;
  /** [items, dim] */
  readonly values: Float32Array;
  /** The row of an item's vector; `noVector` where it has none. */
  rowOf(item: string): number;
}

/** A table of vectors by item. */
export function vectorTable({ items, values }: ItemVectors): VectorTable {
  const rows = new Map(items.map((item, row) => [item, row]));
  return {
    dim: values.length / items.length,
    values,
    rowOf: (item) => rows.get(item) ?? noVector,
  };
}

/** Numbers of a text feature: the vector, and 1 where there is none, whose weights become a vector that is learned for it. */
export function textWidth({ dim }: Pick<VectorTable, "dim">): number {
  return dim + 1;
}

/** A text feature of samples, [size, dim + 1]: the vectors of their items; zeros and a last 1 where there is none. */
export function encodeText(table: VectorTable, size: number, rowAt: (index: number) => number): Float32Array {
  const { dim, values } = table;
  const width = textWidth(table);
  const numbers = new Float32Array(size * width);
  for (let i = 0; i < size; i++) {
    const row = rowAt(i);
    if (row === noVector) numbers[i * width + dim] = 1;
    else for (let j = 0; j < dim; j++) numbers[i * width + j] = values[row * dim + j]!;
  }
  return numbers;
}

/** The events of a history that an affinity is of, oldest first: rows of the table, and whether the user liked them. */
export interface AffinityEvents {
  readonly length: number;
  rowAt(event: number): number;
  likedAt(event: number): boolean;
}

/**
 * The cosine of the target's vector with the sum of the liked minus the disliked items' vectors; undefined where the target
 * has no vector, or nothing before has one. The order of summation is that of the events, so that the same history gives
 * the same bits.
 * @param sum room for a sum, [dim]
 */
export function affinityOf(
  { dim, values }: VectorTable,
  target: number,
  events: AffinityEvents,
  sum: Float64Array = new Float64Array(dim),
): number | undefined {
  if (target === noVector) return undefined;
  sum.fill(0);
  for (let event = 0; event < events.length; event++) {
    const row = events.rowAt(event);
    if (row === noVector) continue;
    const sign = events.likedAt(event) ? 1 : -1;
    for (let j = 0; j < dim; j++) sum[j]! += sign * values[row * dim + j]!;
  }
  let [dot, ofTarget, ofSum] = [0, 0, 0];
  for (let j = 0; j < dim; j++) {
    const x = values[target * dim + j]!;
    dot += x * sum[j]!;
    ofTarget += x * x;
    ofSum += sum[j]! * sum[j]!;
  }
  const norms = Math.sqrt(ofTarget * ofSum);
  // As a 32-bit float: else cosines that are all alike would differ by their rounding, and be standardised to that.
  return norms === 0 ? undefined : Math.fround(dot / norms);
}
