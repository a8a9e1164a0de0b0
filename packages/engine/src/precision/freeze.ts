import { CorellaError } from "@corella/errors";
import { capture } from "../capture/capture.ts";
import type { GraphNode } from "../capture/backend/graph.ts";
import { requireValue } from "../program/values.ts";
import type { Program, Values } from "../program/program.ts";
import {
  aroundMiddle,
  dequantize,
  quantizeInt4,
  quantizeInt8,
  toFloat16,
  type OutputAxis,
  type MatrixShape,
  type StoredMatrix,
} from "../matrix/quantize.ts";
import type { Backward, FrozenOptions, InferOptions, Precision, PrecisionOf } from "../runtime/runtime.ts";

/** Zero point of 8-bit codes that any CPU multiplies exactly. */
export const portableZeroPoint = 128;

/** Frozen parameters: matrices in their precision, and the rest. */
export interface FrozenParams {
  readonly stored: ReadonlyMap<string, StoredMatrix>;
  readonly values: Values;
  readonly backward: Backward | undefined;
}

/** Frozen parameters of a program that has none. */
export const nothingFrozen: FrozenParams = { stored: new Map(), values: {}, backward: undefined };

/**
 * Refuses options of an inference that exclude each other: `live` values are read anew at each run, so nothing could
 * be stored, and a file would be read again and again.
 * @throws CorellaError `engine/live-reader`, `engine/precision`
 */
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
  readonly precision: Exclude<Precision, "float32">;
  /** Whether each row is stored by itself, so that parts of the rows may be stored one after another. */
  readonly byRows: boolean;
  /** Brings a matrix, or some rows of it where `byRows`, to the precision. */
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
    if (kind === "float16")
      return { precision: kind, byRows: true, store: (data, shape) => toFloat16(name, data, shape) };
    const axis = kind === "int8" || kind === "int4" ? outputAxis((nodes ??= forwardNodes(program)), name) : 0;
    switch (kind) {
      case "int8":
        return {
          precision: kind,
          byRows: axis === 0,
          store: (data, shape) => quantizeInt8(name, data, shape, axis, zeroPoint),
        };
      case "int4":
        return {
          precision: kind,
          byRows: axis === 0,
          store: (data, shape) => quantizeInt4(name, data, shape, axis),
        };
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

/** Frozen parameters with 8-bit codes that any CPU multiplies exactly, for files. */
export function portable(frozen: FrozenParams): FrozenParams {
  const stored = [...frozen.stored].map(([name, matrix]): [string, StoredMatrix] => [
    name,
    matrix.kind === "int8" ? aroundMiddle(matrix) : matrix,
  ]);
  return { ...frozen, stored: new Map(stored) };
}

/** The values that the stored matrices stand for, as float32 with the rounding of their precisions. */
export function roundedValues({ stored }: FrozenParams): Values {
  return Object.fromEntries([...stored].map(([name, matrix]) => [name, dequantize(matrix)]));
}
