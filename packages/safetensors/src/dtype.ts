/** The element types that corella reads and writes, by the names the format gives them. */
export type Dtype = "F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL";

/** One tensor as bytes: row-major, little-endian, as they stand in the file. */
export interface TensorView {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

interface DtypeTraits {
  readonly bytes: number;
  /** Position in the reference implementation's ordering of dtypes (its Rust enum), which decides the order in a file. */
  readonly rank: number;
}

const traits: Readonly<Record<Dtype, DtypeTraits>> = {
  BOOL: { bytes: 1, rank: 0 },
  U8: { bytes: 1, rank: 1 },
  I8: { bytes: 1, rank: 2 },
  I16: { bytes: 2, rank: 3 },
  F16: { bytes: 2, rank: 4 },
  BF16: { bytes: 2, rank: 5 },
  I32: { bytes: 4, rank: 6 },
  F32: { bytes: 4, rank: 7 },
  F64: { bytes: 8, rank: 8 },
  I64: { bytes: 8, rank: 9 },
};

/** All dtypes that are known here. */
export const dtypes: readonly Dtype[] = Object.keys(traits) as Dtype[];

/** Whether a value of a header names a dtype that is known here. */
export function isDtype(value: unknown): value is Dtype {
  return typeof value === "string" && Object.hasOwn(traits, value);
}

/** Bytes of one element. */
export function bytesPerElement(dtype: Dtype): number {
  return traits[dtype].bytes;
}

/**
 * The place of a dtype in the order of the reference implementation, by which tensors stand in a file: the highest
 * first.
 */
export function dtypeRank(dtype: Dtype): number {
  return traits[dtype].rank;
}

/** Number of elements of a shape; a scalar's shape `[]` has one. NaN where a dimension or the product is not a safe integer. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const dimension of shape) {
    if (!Number.isSafeInteger(dimension) || dimension < 0) return Number.NaN;
    count *= dimension;
  }
  return Number.isSafeInteger(count) ? count : Number.NaN;
}
