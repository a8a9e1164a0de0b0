import { CorellaError } from "@corella/errors";
import { capture } from "../capture/capture.ts";
import type { GraphNode } from "../capture/backend/graph.ts";
import type { Backward } from "../capture/backend/stored.ts";
import { requireValue } from "../training/check-state.ts";
import type { Output, Program, Values } from "../program/program.ts";
import {
  aroundMiddle,
  bytesOf,
  dequantize,
  quantizeInt4,
  quantizeInt8,
  toFloat16,
  type OutputAxis,
  type MatrixShape,
  type StoredMatrix,
} from "../matrix/quantize.ts";
import type { FrozenOptions, InferOptions } from "../runtime/runtime.ts";

/**
 * How a frozen matrix is stored. `float16` halves a file; `int8` (a scale for each output) also computes in 8-bit integers;
 * `int4` (a scale for each 32 inputs of an output) is the smallest. See docs/decisions/0009-precision.md.
 */
export type Precision = "float32" | "float16" | "int8" | "int4";

/** Zero point of 8-bit codes that any CPU multiplies exactly. */
export const portableZeroPoint = 128;

/** The precision of a parameter by its name. Only frozen matrices are asked for: vectors stay float32. */
export type PrecisionOf = (name: string) => Precision;

/** Frozen parameters: matrices in their precision, and the rest. */
export interface FrozenParams {
  readonly stored: ReadonlyMap<string, StoredMatrix>;
  readonly values: Values;
  readonly backward: Backward | undefined;
}

export const nothingFrozen: FrozenParams = { stored: new Map(), values: {}, backward: undefined };

/** `live` values are read anew at each run: nothing could be stored, and a file would be read again and again. */
export function refuseLivePrecision({ live, precision }: InferOptions, fromReader = false): void {
  if (live === true && fromReader) {
    throw new CorellaError({
      code: "engine/live-reader",
      message: "Values of a reader cannot be read anew at each run.",
      place: "infer",
      remedy: "Read them into memory first, or leave out `live`.",
    });
  }
  if (live !== true || precision === undefined) return;
  throw new CorellaError({
    code: "engine/precision",
    message: "Values that are read anew at each run cannot be stored in another precision.",
    place: "infer",
    remedy: "Give either `live` or `precision`.",
  });
}

/** How one parameter is brought to its precision. */
export interface Storing {
  /** Whether each row is stored by itself, so that parts of the rows may be stored one after another. */
  readonly byRows: boolean;
  store(data: Float32Array, shape: MatrixShape): StoredMatrix;
}

/**
 * How parameters are stored, by name; undefined for float32.
 * @param zeroPoint of 8-bit codes
 * @throws CorellaError `engine/precision` for a precision that does not exist; from `store` for values that do not fit
 */
export function storingOf(
  program: Program,
  precision: PrecisionOf | undefined,
  zeroPoint: 0 | 128,
): (name: string) => Storing | undefined {
  let nodes: readonly GraphNode[] | undefined;
  return (name) => {
    const kind = program.params[name]!.shape.length === 2 ? (precision?.(name) ?? "float32") : "float32";
    if (kind === "float32") return undefined;
    if (kind === "float16") return { byRows: true, store: (data, shape) => toFloat16(name, data, shape) };
    const axis = kind === "int8" || kind === "int4" ? outputAxis((nodes ??= forwardNodes(program)), name) : 0;
    switch (kind) {
      case "int8":
        return {
          byRows: axis === 0,
          store: (data, shape) => quantizeInt8(name, data, shape, axis, zeroPoint),
        };
      case "int4":
        return { byRows: axis === 0, store: (data, shape) => quantizeInt4(name, data, shape, axis) };
      default:
        throw new CorellaError({
          code: "engine/precision",
          message: `There is no precision ${JSON.stringify(kind satisfies never)}.`,
          place: name,
          remedy: "Choose among float32, float16, int8 and int4.",
        });
    }
  };
}

/**
 * Brings frozen parameters to their precisions.
 * @param names of the frozen parameters
 * @param zeroPoint of 8-bit codes
 * @throws CorellaError `engine/precision`
 */
export function freeze(
  program: Program,
  values: Values,
  names: readonly string[],
  { precision, backward }: FrozenOptions,
  zeroPoint: 0 | 128,
): FrozenParams {
  const storing = storingOf(program, precision, zeroPoint);
  const stored = new Map<string, StoredMatrix>();
  const rest: Values = {};
  for (const name of names) {
    if (values[name] === undefined) continue;
    const { shape } = program.params[name]!;
    const data = requireValue(name, shape, values[name]);
    const how = storing(name);
    if (how === undefined) rest[name] = data;
    else stored.set(name, how.store(data, [shape[0]!, shape[1]!]));
  }
  return { stored, values: rest, backward };
}

function forwardNodes(program: Program): readonly GraphNode[] {
  return capture(program, { mode: "infer", trainable: new Set(), frozen: {} }).nodes;
}

/** A matrix's outputs are the axis that its first product leaves; without a product, its rows. */
function outputAxis(nodes: readonly GraphNode[], name: string): OutputAxis {
  const products = new Set(["Gemm", "MatMul", "FusedMatMul"]);
  const product = nodes.find(({ op, inputs }) => products.has(op) && inputs[1] === `param.${name}`);
  return product === undefined || product.attributes["transB"] === 1 ? 0 : 1;
}

/** The same with codes that any CPU multiplies exactly, for files. */
export function portable(frozen: FrozenParams): FrozenParams {
  const stored = [...frozen.stored].map(([name, matrix]): [string, StoredMatrix] => [
    name,
    matrix.kind === "int8" ? aroundMiddle(matrix) : matrix,
  ]);
  return { ...frozen, stored: new Map(stored) };
}

/** The stored matrices as float32, with the rounding of their precisions. */
export function roundedValues({ stored }: FrozenParams): Values {
  return Object.fromEntries([...stored].map(([name, matrix]) => [name, dequantize(matrix)]));
}

/** What a precision does to one parameter. */
export interface WeightError {
  readonly precision: Precision;
  /** Norm of the difference to float32 by the norm of the weight; 0 for a weight of zeros. */
  readonly relativeError: number;
  /** Largest difference of an element. */
  readonly largestError: number;
  /** Stored, with scales. */
  readonly bytes: number;
}

/** The error of each parameter against float32, by name, as a runtime would store it. */
export function quantizationError(
  program: Program,
  values: Values,
  precision: PrecisionOf,
): Record<string, WeightError> {
  const { stored } = freeze(program, values, Object.keys(program.params), { precision }, 0);
  const errors: Record<string, WeightError> = {};
  for (const name of Object.keys(program.params)) {
    const exact = values[name]!;
    const matrix = stored.get(name);
    if (matrix === undefined) {
      errors[name] = { precision: "float32", relativeError: 0, largestError: 0, bytes: exact.byteLength };
      continue;
    }
    const { relative, largest } = difference(dequantize(matrix), exact);
    errors[name] = {
      precision: matrix.kind,
      relativeError: relative,
      largestError: largest,
      bytes: bytesOf(matrix),
    };
  }
  return errors;
}

export interface OutputDifference {
  readonly largest: number;
  readonly mean: number;
}

/** How far the outputs of one batch are from a reference's, by name: of two precisions, or of two runtimes. */
export function outputDifferences(
  outputs: Readonly<Record<string, Output>>,
  reference: Readonly<Record<string, Output>>,
): Record<string, OutputDifference> {
  return Object.fromEntries(
    Object.entries(reference).map(([name, { data, shape }]) => {
      const other = outputs[name];
      if (other === undefined || other.data.length !== data.length) {
        throw new CorellaError({
          code: "engine/shape",
          message: `The output ${name} is ${other === undefined ? "missing" : `[${other.shape.join(", ")}]`}, the reference's is [${shape.join(", ")}].`,
          place: name,
          remedy: "Compare the outputs of one program for one batch.",
        });
      }
      const { largest, mean } = difference(other.data, data);
      return [name, { largest, mean }];
    }),
  );
}

function difference(
  values: ArrayLike<number>,
  reference: ArrayLike<number>,
): { readonly relative: number; readonly largest: number; readonly mean: number } {
  let squares = 0;
  let referenceSquares = 0;
  let largest = 0;
  let sum = 0;
  for (let i = 0; i < reference.length; i++) {
    const distance = Math.abs(values[i]! - reference[i]!);
    squares += distance ** 2;
    referenceSquares += reference[i]! ** 2;
    // Once NaN it stays NaN.
    if (Number.isNaN(distance) || distance > largest) largest = distance;
    sum += distance;
  }
  return {
    relative: squares === 0 ? 0 : Math.sqrt(squares / referenceSquares),
    largest,
    mean: reference.length === 0 ? 0 : sum / reference.length,
  };
}
