import { commonLength, inDictionaryOrder } from "./token-order.ts";

/** Where the answer to a sequence is found. */
export interface FoldedAnswer {
  /** The sequence that is computed, by its place in `hosts`. */
  readonly host: number;
  /** How many of that one's tokens the sequence has: the answer follows the last of them. */
  readonly length: number;
}

/** Sequences that are computed, and where in them every given one is answered. */
export interface FoldedSequences {
  /** Places of the sequences that no other goes on from, ascending. */
  readonly hosts: readonly number[];
  /** Of each given sequence, in their order. */
  readonly answers: readonly FoldedAnswer[];
}

/**
 * Leaves out the sequences that others begin with: a causal model that reads the longer one knows the answer to the
 * shorter on the way. So prompts about successive events of one user, each of which tells the earlier ones with their
 * answers, cost one pass.
 */
export function foldSequences(sequences: readonly ArrayLike<number>[]): FoldedSequences {
  const sorted = inDictionaryOrder(sequences);
  // A sequence that any other begins with is one that its successor begins with.
  const hostOf = new Int32Array(sequences.length);
  let next: number | undefined;
  for (const place of sorted.toReversed()) {
    const own = sequences[place]!;
    const inside = next !== undefined && commonLength(own, sequences[next]!) === own.length;
    hostOf[place] = inside ? hostOf[next!]! : place;
    next = place;
  }
  const hosts = sequences.map((_, place) => place).filter((place) => hostOf[place] === place);
  const numberOf = new Map(hosts.map((place, number) => [place, number]));
  return {
    hosts,
    answers: sequences.map(({ length }, place) => ({ host: numberOf.get(hostOf[place]!)!, length })),
  };
}
