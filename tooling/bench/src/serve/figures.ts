/** Smallest and largest. */
export function range(values: readonly number[]): [number, number] {
  return [rounded(Math.min(...values)), rounded(Math.max(...values))];
}

/** Three digits. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
