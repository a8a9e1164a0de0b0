/** How many tokens two sequences begin with alike. */
export function commonLength(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length += 1;
  return length;
}

/** The places of sequences in the order of a dictionary: a sequence comes before those that begin with it. */
export function inDictionaryOrder(sequences: readonly ArrayLike<number>[]): number[] {
  const sorted = sequences.map((_, place) => place);
  return sorted.sort((a, b) => compare(sequences[a]!, sequences[b]!) || a - b);
}

function compare(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const length = commonLength(a, b);
  return length === a.length || length === b.length ? a.length - b.length : a[length]! - b[length]!;
}
