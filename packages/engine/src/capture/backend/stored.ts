import {
  blockSize,
  blocksOf,
  outputsOf,
  zeroPointOf,
  type Int4Matrix,
  type Int8Matrix,
  type StoredMatrix,
} from "../../matrix/quantize.ts";
import { rotationBlock, rotationMatrix } from "../../matrix/rotation.ts";
import type { Backward } from "../../runtime/runtime.ts";
import { elementTypes, type GraphBuilder } from "./graph.ts";

const transposed = { perm: [1, 0] };

/** A frozen matrix in another precision than float32. Its arrays become weights of the graph where they are used. */
export interface StoredSymbol {
  readonly kind: "stored";
  readonly name: string;
  readonly matrix: StoredMatrix;
  readonly backward: Backward;
}

/** The codes, as raw float16, [rows, columns] 8-bit integers or [outputs, blocks, 16] pairs of 4-bit ones. */
export function codes(builder: GraphBuilder, { name, matrix }: StoredSymbol): string {
  const weight = { name: `${name}.${matrix.kind}`, shape: matrix.shape };
  if (matrix.kind === "float16") return builder.weight({ ...weight, type: "float16", data: matrix.bits });
  if (matrix.kind === "int8") {
    const type = matrix.codes instanceof Int8Array ? "int8" : "uint8";
    return builder.weight({ ...weight, type, data: matrix.codes });
  }
  const shape = [outputsOf(matrix), blocksOf(matrix), blockSize / 2];
  return builder.weight({ ...weight, shape, type: "uint8", data: matrix.codes });
}

/** [outputs] of int8, [outputs, blocks] of int4 */
export function scales(
  builder: GraphBuilder,
  { name, matrix }: { readonly name: string; readonly matrix: Int8Matrix | Int4Matrix },
): string {
  const outputs = outputsOf(matrix);
  const shape = matrix.kind === "int8" ? [outputs] : [outputs, blocksOf(matrix)];
  return builder.weight({ name: `${name}.scales`, type: "float32", shape, data: matrix.scales });
}

/** One zero point a byte, [outputs, blocks]. */
function zeroPoints(builder: GraphBuilder, name: string, matrix: Int4Matrix): string {
  const shape = [outputsOf(matrix), blocksOf(matrix)];
  return builder.weight({ name: `${name}.zeroPoints`, type: "uint8", shape, data: matrix.zeroPoints });
}

/**
 * A whole stored matrix as float32 [rows, columns]. onnxruntime computes `Cast` of a weight once, at load, but
 * `DequantizeLinear` at each run: no float32 copy of quantised weights is kept.
 */
export function dequantized(builder: GraphBuilder, symbol: StoredSymbol): string {
  const { name, matrix } = symbol;
  if (matrix.kind === "float16")
    return builder.node("Cast", [codes(builder, symbol)], { to: elementTypes.float32 });
  if (matrix.kind === "int8") {
    const rotated = rotatedWeights(builder, symbol, matrix);
    if (matrix.outputAxis === 0) return rotatedRows(builder, rotated, matrix.shape);
    const [rows, columns] = matrix.shape;
    const turned = rotatedRows(builder, builder.node("Transpose", [rotated], transposed), [columns, rows]);
    return builder.node("Transpose", [turned], transposed);
  }
  const outputs = outputsOf(matrix);
  const blocks = blocksOf(matrix);
  const inputs = matrix.shape[1 - matrix.outputAxis]!;
  const steps = unpacked(builder, codes(builder, symbol), [outputs * blocks, blockSize]);
  const flat = builder.int64([outputs * blocks]);
  const values = builder.node(
    "DequantizeLinear",
    [
      steps,
      builder.node("Reshape", [scales(builder, { name, matrix }), flat]),
      builder.node("Reshape", [zeroPoints(builder, name, matrix), flat]),
    ],
    { axis: 0 },
  );
  const rows = withoutFilling(builder, values, [outputs], blocks, inputs);
  return matrix.outputAxis === 0 ? rows : builder.node("Transpose", [rows], { perm: [1, 0] });
}

/** The float32 weights of an int8 matrix before they are rotated back, [rows, columns]. */
export function rotatedWeights(builder: GraphBuilder, symbol: StoredSymbol, matrix: Int8Matrix): string {
  const { name } = symbol;
  const inputs = [codes(builder, symbol), scales(builder, { name, matrix })];
  const zeroPoint = zeroPointOf(matrix);
  if (zeroPoint !== 0) {
    const data = new Uint8Array(outputsOf(matrix)).fill(zeroPoint);
    inputs.push(builder.weight({ name: `${name}.zeroPoints`, type: "uint8", shape: [data.length], data }));
  }
  return builder.node("DequantizeLinear", inputs, { axis: matrix.outputAxis });
}

/** Some rows of a stored matrix as float32, ids [...shape] -> [...shape, columns]: only these are dequantised. */
export function gatheredRows(
  builder: GraphBuilder,
  symbol: StoredSymbol,
  ids: string,
  shape: readonly number[],
): string {
  const { name, matrix } = symbol;
  const rows = (values: string): string => builder.node("Gather", [values, ids], { axis: 0 });
  const floats = (values: string): string => builder.node("Cast", [values], { to: elementTypes.float32 });
  if (matrix.kind === "float16") return floats(rows(codes(builder, symbol)));
  // Along the rows, blocks and rotations reach over several rows.
  if (matrix.outputAxis === 1) return rows(dequantized(builder, symbol));
  const ofRow = (values: string): string => builder.node("Unsqueeze", [rows(values), builder.int64([-1])]);
  if (matrix.kind === "int8") {
    const zeroPoint = zeroPointOf(matrix);
    let steps = floats(rows(codes(builder, symbol)));
    if (zeroPoint !== 0) steps = builder.node("Sub", [steps, builder.scalar(zeroPoint)]);
    const scale = scales(builder, { name, matrix });
    const rotated = builder.node("Mul", [steps, ofRow(scale)]);
    return rotatedRows(builder, rotated, [...shape, matrix.shape[1]]);
  }
  const blocks = blocksOf(matrix);
  const steps = floats(unpacked(builder, rows(codes(builder, symbol)), [...shape, blocks, blockSize]));
  const centred = builder.node("Sub", [steps, floats(ofRow(zeroPoints(builder, name, matrix)))]);
  const values = builder.node("Mul", [centred, ofRow(scales(builder, { name, matrix }))]);
  return withoutFilling(builder, values, shape, blocks, matrix.shape[1]);
}

/** x [...shape] with its last axis rotated as weights in int8 are. */
export function rotatedRows(builder: GraphBuilder, x: string, shape: readonly number[]): string {
  const block = rotationBlock(shape.at(-1)!);
  if (block === 1) return x;
  const matrix = builder.weight({
    name: `rotation.${block}`,
    type: "float32",
    shape: [block, block],
    data: rotationMatrix(block),
  });
  const blocks = builder.node("Reshape", [x, builder.int64([-1, block])]);
  const turned = builder.node("Gemm", [blocks, matrix], { transA: 0, transB: 0 });
  return builder.node("Reshape", [turned, builder.int64(shape)]);
}

/** Two 4-bit numbers of each byte, the low one first, under another shape. */
function unpacked(builder: GraphBuilder, bytes: string, shape: readonly number[]): string {
  const last = builder.int64([-1]);
  const halves = [
    builder.node("BitwiseAnd", [bytes, builder.scalar(15, "uint8")]),
    builder.node("BitShift", [bytes, builder.scalar(4, "uint8")], { direction: "RIGHT" }),
  ];
  const pairs = halves.map((half) => builder.node("Unsqueeze", [half, last]));
  return builder.node("Reshape", [builder.node("Concat", pairs, { axis: -1 }), builder.int64(shape)]);
}

/** Blocks [..., blocks, 32] or in rows of them -> [...shape, inputs]: cuts what fills up the last block. */
function withoutFilling(
  builder: GraphBuilder,
  values: string,
  shape: readonly number[],
  blocks: number,
  inputs: number,
): string {
  const rows = builder.node("Reshape", [values, builder.int64([...shape, blocks * blockSize])]);
  if (blocks * blockSize === inputs) return rows;
  return builder.node("Slice", [rows, builder.int64([0]), builder.int64([inputs]), builder.int64([-1])]);
}
