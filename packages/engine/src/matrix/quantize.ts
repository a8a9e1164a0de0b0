import { CorellaError } from "@corella/errors";
import { float16ToFloat32, float32ToFloat16 } from "@corella/safetensors";
import { rotate } from "./rotation.ts";

/** The shape of a matrix, [rows, columns]. */
export type MatrixShape = readonly [rows: number, columns: number];

/** Where a matrix's outputs stand: its rows (0), as in a [out, in] weight, or its columns (1). */
export type OutputAxis = 0 | 1;

/** Raw float16 patterns, row-major. */
export interface Float16Matrix {
  readonly kind: "float16";
  readonly shape: MatrixShape;
  readonly bits: Uint16Array;
}

/** `(code - zeroPoint) * scale`, one scale for each output, are the weights rotated along their inputs (rotation.ts). */
export interface Int8Matrix {
  readonly kind: "int8";
  readonly shape: MatrixShape;
  readonly outputAxis: OutputAxis;
  /** Row-major. Int8Array around 0, Uint8Array around 128. */
  readonly codes: Int8Array | Uint8Array;
  /** [outputs] */
  readonly scales: Float32Array;
}

/**
 * `w = (code - zeroPoint) * scale` with a scale and a zero point for each block of 32 inputs of an output, in the layout
 * of onnxruntime's MatMulNBits: outputs first, whatever the shape; two codes a byte, the low half first.
 */
export interface Int4Matrix {
  readonly kind: "int4";
  readonly shape: MatrixShape;
  readonly outputAxis: OutputAxis;
  /** [outputs, blocks, 16]; the last block is filled up with codes of zero. */
  readonly codes: Uint8Array;
  /** [outputs, blocks] */
  readonly scales: Float32Array;
  /** [outputs, blocks] */
  readonly zeroPoints: Uint8Array;
}

/** A frozen matrix in a precision below float32. */
export type StoredMatrix = Float16Matrix | Int8Matrix | Int4Matrix;

/** Inputs that share a scale of `int4`. */
export const blockSize = 32;

/** Scales are normal numbers, so that dividing by one never overflows: the smallest normal float32. */
export const smallestScale: number = 2 ** -126;

/** Far enough from the largest float32 that no code times its scale exceeds that. */
const largestWeight = 1e38;

/** Blocks of each output. */
export function blocksOf({ shape, outputAxis }: Int4Matrix): number {
  return Math.ceil(shape[1 - outputAxis]! / blockSize);
}

/** How many outputs a quantised matrix has: its rows, or its columns. */
export function outputsOf({ shape, outputAxis }: Int8Matrix | Int4Matrix): number {
  return shape[outputAxis];
}

/**
 * A matrix in float16, each value rounded to the nearest.
 * @throws CorellaError `engine/precision` for values that float16 does not hold
 */
export function toFloat16(name: string, values: Float32Array, shape: MatrixShape): Float16Matrix {
  const bits = float32ToFloat16(values);
  const exponent = 0x7c00;
  if (bits.some((pattern) => (pattern & exponent) === exponent)) {
    throw new CorellaError({
      code: "engine/precision",
      message: `The values of ${name} are not all finite numbers of at most 65504, the largest float16.`,
      place: name,
      remedy: `Keep ${name} in float32.`,
    });
  }
  return { kind: "float16", shape, bits };
}

/**
 * Symmetric 8-bit quantisation of rotated weights (rotation.ts), one scale for each output: scale = max |w| / 127, so a
 * rotated weight is off by half a scale at most.
 * @param zeroPoint what stands for 0
 * @throws CorellaError `engine/precision` for values that are not finite or above 1e38
 */
export function quantizeInt8(
  name: string,
  values: Float32Array,
  shape: MatrixShape,
  outputAxis: OutputAxis,
  zeroPoint: 0 | 128,
): Int8Matrix {
  const { outputs, inputs, outputStride, inputStride } = strides(shape, outputAxis);
  const scales = new Float32Array(outputs);
  const codes = zeroPoint === 0 ? new Int8Array(values.length) : new Uint8Array(values.length);
  const rotated = new Float64Array(inputs);
  for (let output = 0; output < outputs; output++) {
    const start = output * outputStride;
    for (let i = 0, at = start; i < inputs; i++, at += inputStride) rotated[i] = values[at]!;
    rotate(rotated, inputs);
    let largest = 0;
    for (let i = 0; i < inputs; i++) largest = Math.max(largest, Math.abs(rotated[i]!));
    if (!(largest <= largestWeight)) throw notFinite(name);
    scales[output] = Math.max(largest / 127, smallestScale);
    const stepsPerUnit = 1 / scales[output]!;
    for (let i = 0, at = start; i < inputs; i++, at += inputStride)
      codes[at] = Math.round(rotated[i]! * stepsPerUnit) + zeroPoint;
  }
  return { kind: "int8", shape, outputAxis, codes, scales };
}

/**
 * 4-bit quantisation in blocks of 32 inputs: the range of a block, widened to hold 0, is cut into 15 steps, so a value
 * is off by half a step at most.
 * @throws CorellaError `engine/precision` for values that are not finite or above 1e38
 */
export function quantizeInt4(
  name: string,
  values: Float32Array,
  shape: MatrixShape,
  outputAxis: OutputAxis,
): Int4Matrix {
  const { outputs, inputs, outputStride, inputStride } = strides(shape, outputAxis);
  const blocks = Math.ceil(inputs / blockSize);
  const codes = new Uint8Array((outputs * blocks * blockSize) / 2);
  const scales = new Float32Array(outputs * blocks);
  const zeroPoints = new Uint8Array(outputs * blocks);
  for (let output = 0, block = 0; output < outputs; output++) {
    for (let input = 0; input < inputs; input += blockSize, block++) {
      const start = output * outputStride + input * inputStride;
      const count = Math.min(blockSize, inputs - input);
      let low = 0;
      let high = 0;
      for (let i = 0, at = start; i < count; i++, at += inputStride) {
        low = Math.min(low, values[at]!);
        high = Math.max(high, values[at]!);
      }
      if (!(high - low <= largestWeight)) throw notFinite(name);
      scales[block] = Math.max((high - low) / 15, smallestScale);
      const stepsPerUnit = 1 / scales[block]!;
      const zeroPoint = Math.min(Math.round(-low * stepsPerUnit), 15);
      zeroPoints[block] = zeroPoint;
      for (let i = 0, at = start; i < blockSize; i++, at += inputStride) {
        const steps = i < count ? Math.round(values[at]! * stepsPerUnit) : 0;
        const code = Math.min(Math.max(steps + zeroPoint, 0), 15);
        codes[(block * blockSize + i) >> 1]! |= code << (4 * (i & 1));
      }
    }
  }
  return { kind: "int4", shape, outputAxis, codes, scales, zeroPoints };
}

/** Where the elements of an output stand. */
function strides(
  [rows, columns]: MatrixShape,
  outputAxis: OutputAxis,
): { outputs: number; inputs: number; outputStride: number; inputStride: number } {
  return outputAxis === 0
    ? { outputs: rows, inputs: columns, outputStride: columns, inputStride: 1 }
    : { outputs: columns, inputs: rows, outputStride: 1, inputStride: columns };
}

function notFinite(name: string): CorellaError {
  return new CorellaError({
    code: "engine/precision",
    message: `The values of ${name} are not all numbers of at most ${largestWeight}, so no scale fits them.`,
    place: name,
    remedy: "Look for the step at which training diverged, or for damage in the file.",
  });
}

/** The values that a stored matrix stands for, row-major. */
export function dequantize(matrix: StoredMatrix): Float32Array {
  if (matrix.kind === "float16") return float16ToFloat32(matrix.bits);
  const { outputAxis, codes, scales } = matrix;
  const { outputs, inputs, outputStride, inputStride } = strides(matrix.shape, outputAxis);
  const values = new Float32Array(outputs * inputs);
  const blocks = matrix.kind === "int4" ? blocksOf(matrix) : 0;
  const row = new Float64Array(inputs);
  for (let output = 0; output < outputs; output++) {
    const start = output * outputStride;
    for (let input = 0; input < inputs; input++) {
      if (matrix.kind === "int8") {
        row[input] = (codes[start + input * inputStride]! - zeroPointOf(matrix)) * scales[output]!;
      } else {
        const block = output * blocks + Math.floor(input / blockSize);
        const place = output * blocks * blockSize + input;
        const code = (codes[place >> 1]! >> (4 * (place & 1))) & 15;
        row[input] = (code - matrix.zeroPoints[block]!) * scales[block]!;
      }
    }
    if (matrix.kind === "int8") rotate(row, inputs);
    for (let input = 0; input < inputs; input++) values[start + input * inputStride] = row[input]!;
  }
  return values;
}

/** The 8-bit code that stands for 0: signed codes are around 0, unsigned ones around 128. */
export function zeroPointOf({ codes }: Int8Matrix): 0 | 128 {
  return codes instanceof Int8Array ? 0 : 128;
}

/**
 * An int8 matrix with codes around 128 that stand for the same values: products of two uint8 operands are exact on
 * every CPU.
 */
export function aroundMiddle(matrix: Int8Matrix): Int8Matrix {
  if (zeroPointOf(matrix) === 128) return matrix;
  return { ...matrix, codes: Uint8Array.from(matrix.codes, (code) => code + 128) };
}

/** Zero points as MatMulNBits reads them, two a byte, the low half first: [outputs, ceil(blocks / 2)]. */
export function packedZeroPoints(matrix: Int4Matrix): Uint8Array {
  const blocks = blocksOf(matrix);
  const bytes = Math.ceil(blocks / 2);
  const packed = new Uint8Array(outputsOf(matrix) * bytes);
  matrix.zeroPoints.forEach((zeroPoint, i) => {
    const block = i % blocks;
    packed[Math.floor(i / blocks) * bytes + (block >> 1)]! |= zeroPoint << (4 * (block & 1));
  });
  return packed;
}

/** Bytes of a stored matrix, scales and all. */
export function bytesOf(matrix: StoredMatrix): number {
  if (matrix.kind === "float16") return matrix.bits.byteLength;
  const zeroPoints = matrix.kind === "int4" ? packedZeroPoints(matrix).length : 0;
  return matrix.codes.byteLength + matrix.scales.byteLength + zeroPoints;
}
