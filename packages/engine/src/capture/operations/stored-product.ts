import {
  blockSize,
  blocksOf,
  outputsOf,
  packedZeroPoints,
  smallestScale,
  zeroPointOf,
  type Int4Matrix,
  type Int8Matrix,
} from "../../matrix/quantize.ts";
import type { GraphBuilder } from "../backend/graph.ts";
import { codes, rotatedRows, rotatedWeights, scales, type StoredSymbol } from "../backend/stored.ts";

/** onnxruntime's accuracy level of MatMulNBits that computes in 8-bit integers. */
const int8Accuracy = 4;

/**
 * a [...shape, k] x a stored matrix, in the arithmetic of its precision; undefined where that is float32. A product that sums
 * over a matrix's outputs is the gradient of one that leaves them.
 */
export function storedProduct(
  builder: GraphBuilder,
  a: string,
  shape: readonly number[],
  symbol: StoredSymbol,
  transposeB: boolean,
): string | undefined {
  const { name, matrix, backward } = symbol;
  if (matrix.kind === "float16") return undefined;
  const summedAxis = transposeB ? 1 : 0;
  const sumsOutputs = summedAxis === matrix.outputAxis;
  const inputs = matrix.shape[1 - matrix.outputAxis]!;
  if (matrix.kind === "int4") return sumsOutputs ? undefined : blockProduct(builder, a, name, matrix, symbol);
  const scale = scales(builder, { name, matrix });
  // y = x H C^T s, and its gradient dx = (dy s) C H, with codes C of W H and scales s of the outputs.
  if (!sumsOutputs) {
    return integerProduct(builder, rotatedRows(builder, a, shape), symbol, matrix, transposeB, scale);
  }
  if (backward === "exact") {
    const weights = rotatedWeights(builder, symbol, matrix);
    const b = transposeB ? builder.node("Transpose", [weights], { perm: [1, 0] }) : weights;
    return rotatedRows(builder, builder.node("MatMul", [a, b]), [...shape.slice(0, -1), inputs]);
  }
  const scaled = builder.node("Mul", [a, scale]);
  const rotated = integerProduct(builder, scaled, symbol, matrix, transposeB, builder.scalar(1));
  return rotatedRows(builder, rotated, [...shape.slice(0, -1), inputs]);
}

/** x [..., inputs] x int4 [outputs, blocks, 16] -> [..., outputs] */
function blockProduct(
  builder: GraphBuilder,
  a: string,
  name: string,
  matrix: Int4Matrix,
  symbol: StoredSymbol,
): string {
  const outputs = outputsOf(matrix);
  const inputs = matrix.shape[1 - matrix.outputAxis]!;
  const operands = [
    a,
    codes(builder, symbol),
    scales(builder, { name, matrix }),
    builder.weight({
      name: `${name}.packedZeroPoints`,
      type: "uint8",
      shape: [outputs, Math.ceil(blocksOf(matrix) / 2)],
      data: packedZeroPoints(matrix),
    }),
  ];
  const attributes = { K: inputs, N: outputs, bits: 4, block_size: blockSize, accuracy_level: int8Accuracy };
  return builder.node("MatMulNBits", operands, attributes, "com.microsoft");
}

/**
 * a [..., k] is cut into 255 steps around its zero, each row by its largest element: activations of language models have
 * outliers, which one scale for all rows would have to hold (Dettmers et al. 2022). Products that read the same
 * operand share this: equal nodes are written once.
 */
function integerProduct(
  builder: GraphBuilder,
  a: string,
  symbol: StoredSymbol,
  matrix: Int8Matrix,
  transposeB: boolean,
  columnScales: string,
): string {
  const largest = builder.node("ReduceMax", [builder.node("Abs", [a]), builder.int64([-1])], { keepdims: 1 });
  const rowScales = builder.node("Max", [
    builder.node("Mul", [largest, builder.scalar(1 / 127)]),
    builder.scalar(smallestScale),
  ]);
  const middle = builder.scalar(128, "uint8");
  const one = builder.scalar(1);
  const steps = builder.node("QuantizeLinear", [builder.node("Div", [a, rowScales]), one, middle]);
  // onnxruntime transposes a weight once, at load.
  const b = codes(builder, symbol);
  const operands = [
    steps,
    transposeB ? builder.node("Transpose", [b], { perm: [1, 0] }) : b,
    one,
    columnScales,
    middle,
    ...(zeroPointOf(matrix) === 0 ? [] : [middle]),
  ];
  const product = builder.node("MatMulIntegerToFloat", operands, {}, "com.microsoft");
  return builder.node("Mul", [product, rowScales]);
}
