import { expect } from "vitest";
import type { IdBatch } from "./features/feature-map.ts";

/** Equality bit for bit; much faster than `toEqual` on millions of ids. */
export function expectSameIds(actual: IdBatch, expected: IdBatch): void {
  expect(actual.size).toBe(expected.size);
  expect(Object.keys(actual.features)).toEqual(Object.keys(expected.features));
  for (const [name, values] of Object.entries(actual.features)) {
    const other = expected.features[name]!;
    expect(values.constructor).toBe(other.constructor);
    expect(Buffer.compare(bytesOf(values), bytesOf(other)), name).toBe(0);
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Int32Array | Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
