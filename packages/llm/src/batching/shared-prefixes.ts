import { commonLength, inDictionaryOrder } from "./token-order.ts";

/** Sequences that begin with the same tokens, as `sharedPrefixes` groups them. */
export interface PrefixGroup {
  /** How many tokens all members share; at least one token of each follows. */
  readonly length: number;
  /** The sequences, by their place in the list. */
  readonly members: readonly number[];
}

/**
 * Groups sequences by common prefixes of tokens, so that as little as possible is computed twice. Prefixes of tokens, not
 * of text: a tokenizer may join the last letters of a prefix with what follows. Sequences that share nothing form one
 * group of length 0.
 */
export function sharedPrefixes(sequences: readonly ArrayLike<number>[]): PrefixGroup[] {
  const sorted = inDictionaryOrder(sequences);
  // What neighbours in the order of a dictionary share; a run of them shares the smallest of these.
  const shared = sorted.slice(1).map((place, i) => {
    const [a, b] = [sequences[sorted[i]!]!, sequences[place]!];
    return Math.min(commonLength(a, b), a.length - 1, b.length - 1);
  });
  const groups = bestGroups(shared, 0, sorted.length).groups.map(({ start, end, length }) => ({
    length,
    members: sorted.slice(start, end),
  }));
  const alone = groups.filter(({ length }) => length === 0).flatMap(({ members }) => members);
  const together = groups.filter(({ length }) => length > 0);
  return alone.length === 0 ? together : [{ length: 0, members: alone }, ...together];
}

interface Run {
  readonly start: number;
  readonly end: number;
  readonly length: number;
}

/**
 * One group for the sequences from `start` to `end`, or better ones: it is divided wherever neighbours share no more than
 * all do, and the division stands if its groups save more tokens together.
 */
function bestGroups(
  shared: readonly number[],
  start: number,
  end: number,
): { readonly saved: number; readonly groups: readonly Run[] } {
  if (end - start === 1) return { saved: 0, groups: [{ start, end, length: 0 }] };
  let length = Number.POSITIVE_INFINITY;
  for (let i = start; i < end - 1; i++) length = Math.min(length, shared[i]!);
  const whole = { saved: (end - start - 1) * length, groups: [{ start, end, length }] };
  const divided: Run[] = [];
  let saved = 0;
  let from = start;
  for (let i = start; i < end; i++) {
    if (i < end - 1 && shared[i]! > length) continue;
    const part = bestGroups(shared, from, i + 1);
    for (const group of part.groups) divided.push(group);
    saved += part.saved;
    from = i + 1;
  }
  return saved > whole.saved ? { saved, groups: divided } : whole;
}
