import type { RatingRecord } from "@corella/modality";

/**
 * About as many bytes as records take as JSON, without writing it. A history that neighbouring records share, as candidates of one
 * user do, counts once: it is in memory once.
 */
export function estimatedBytes(records: readonly RatingRecord[]): number {
  let bytes = 0;
  let shared: RatingRecord["history"] | undefined;
  for (const { history, ...rest } of records) {
    bytes += bytesOf(rest);
    if (history !== shared) bytes += bytesOf(history);
    shared = history;
  }
  return bytes;
}

function bytesOf(value: unknown): number {
  if (typeof value === "string") return value.length + 3;
  if (typeof value !== "object" || value === null) return 9;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  let bytes = 2;
  if (Array.isArray(value)) for (const element of value) bytes += bytesOf(element);
  else for (const name in value) bytes += name.length + 3 + bytesOf((value as Record<string, unknown>)[name]);
  return bytes;
}
