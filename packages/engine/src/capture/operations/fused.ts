import type { TensorInfo } from "@tensorflow/tfjs";
import type { CaptureBackend } from "../backend/backend.ts";
import { convolve, type ConvAttributes } from "./convolution.ts";
import { captureError } from "../backend/graph.ts";
import { elementwise, node, reshape, type Kernel, type KernelTable } from "../backend/kernel.ts";
import { matMul } from "./matrix.ts";
import { clip, leakyRelu, prelu } from "./unary.ts";

/** tfjs' names of activations that are one ONNX operator. */
const activations: Readonly<Record<string, string>> = {
  relu: "Relu",
  elu: "Elu",
  sigmoid: "Sigmoid",
};

/** What tfjs' fused operations do to their result; onnxruntime merges the nodes again where it can. */
function finish(
  backend: CaptureBackend,
  result: TensorInfo,
  inputs: Readonly<Record<string, TensorInfo>>,
  attributes: Readonly<Record<string, unknown>>,
): TensorInfo {
  // In NCHW a vector is one number a channel.
  const aligned = (x: TensorInfo): TensorInfo =>
    attributes["dataFormat"] === "NCHW" && x.shape.length === 1 && x.shape[0] !== 1
      ? reshape(backend, x, [x.shape[0]!, 1, 1])
      : x;
  const { bias, preluActivationWeights } = inputs;
  const sum = bias === undefined ? result : elementwise(backend, "Add", [result, aligned(bias)]);
  const activation = (attributes["activation"] as string | null | undefined) ?? "linear";
  if (activation === "linear") return sum;
  if (activation === "relu6") return clip(backend, sum, 0, 6);
  if (activation === "prelu") return prelu(backend, sum, aligned(preluActivationWeights!));
  if (activation === "leakyrelu") return leakyRelu(backend, sum, attributes["leakyreluAlpha"] as number);
  const op = activations[activation];
  if (op === undefined) throw captureError(`The activation ${activation} cannot be captured.`);
  return node(backend, op, [sum], sum.shape, sum.dtype);
}

function fusedConvolution(depthwise: boolean): Kernel {
  return ({ inputs, attributes, backend }) => {
    const { x, filter } = inputs;
    const result = convolve(backend, x!, filter!, attributes as unknown as ConvAttributes, depthwise);
    return finish(backend, result, inputs, attributes);
  };
}

/** Products and convolutions that tfjs writes together with a bias and an activation. */
export const fused: KernelTable = {
  _FusedMatMul: ({ inputs, attributes, backend }) => {
    const { a, b } = inputs;
    const product = matMul(
      backend,
      a!,
      b!,
      attributes["transposeA"] === true,
      attributes["transposeB"] === true,
    );
    return finish(backend, product, inputs, attributes);
  },

  FusedConv2D: fusedConvolution(false),
  FusedDepthwiseConv2D: fusedConvolution(true),
};
