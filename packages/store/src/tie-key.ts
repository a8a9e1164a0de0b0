/**
 * A text by whose order items of one user's events at one time are sorted as a log sorts them: whole numbers by their size,
 * before all others, which go by their characters.
 */
export function tieKey(item: string): string {
  return /^\d{1,20}$/.test(item) ? `0${item.padStart(20, "0")}` : `1${item}`;
}

/** Compares texts by code points, as SQLite and Redis compare their bytes. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
