import type { TensorInfo } from "@tensorflow/tfjs";
import { tf } from "../../program/tf.ts";
import type { CaptureBackend } from "../backend/backend.ts";
import { cast, elementwise, node, reshape, type KernelTable } from "../backend/kernel.ts";

interface ResponseNormalization {
  readonly depthRadius: number;
  readonly bias: number;
  readonly alpha: number;
  readonly beta: number;
}

function responseNorm(
  backend: CaptureBackend,
  x: TensorInfo,
  { depthRadius, bias, alpha }: ResponseNormalization,
): TensorInfo {
  const total = channelSum(backend, elementwise(backend, "Mul", [x, x]), depthRadius);
  return elementwise(backend, "Add", [elementwise(backend, "Mul", [total, alpha]), bias]);
}

/** Sums over windows of 2 radius + 1 along the last axis, as an average whose padding counts. */
function channelSum(backend: CaptureBackend, x: TensorInfo, radius: number): TensorInfo {
  const channels = x.shape.at(-1)!;
  const rows = [tf.util.sizeFromShape(x.shape) / channels, 1, channels];
  const width = 2 * radius + 1;
  const average = node(backend, "AveragePool", [reshape(backend, x, rows)], rows, "float32", {
    kernel_shape: [width],
    pads: [radius, radius],
    count_include_pad: 1,
  });
  return reshape(backend, elementwise(backend, "Mul", [average, width]), x.shape);
}

/** Softmax, batch normalisation and normalisation over neighbouring channels. */
export const normalization: KernelTable = {
  Softmax: ({ inputs, attributes, backend }) => {
    const logits = cast(backend, inputs["logits"]!, "float32");
    return node(backend, "Softmax", [logits], logits.shape, "float32", { axis: attributes["dim"] as number });
  },

  /** (x - mean) / sqrt(variance + epsilon) * scale + offset (Ioffe and Szegedy 2015), channels last: they broadcast. */
  FusedBatchNorm: ({ inputs, attributes, backend }) => {
    const apply = (op: string, ...operands: (TensorInfo | number)[]): TensorInfo =>
      elementwise(backend, op, operands);
    const { x, mean, variance, scale, offset } = inputs;
    let result = apply("Sub", x!, mean!);
    const deviation = apply("Sqrt", apply("Add", variance!, attributes["varianceEpsilon"] as number));
    result = apply(
      "Mul",
      result,
      scale === undefined ? apply("Reciprocal", deviation) : apply("Div", scale, deviation),
    );
    return offset === undefined ? result : apply("Add", result, offset);
  },

  /**
   * y = x / norm^beta with norm = bias + alpha * (sum of x^2 over the channels within depthRadius)
   * (Krizhevsky et al. 2012, section 3.3), channels last.
   */
  LRN: ({ inputs, attributes, backend }) => {
    const settings = attributes as unknown as ResponseNormalization;
    const x = inputs["x"]!;
    return elementwise(backend, "Mul", [
      x,
      elementwise(backend, "Pow", [responseNorm(backend, x, settings), -settings.beta]),
    ]);
  },

  /** dx = dy norm^-beta - 2 alpha beta x * (sum of dy y / norm over the channels within depthRadius). */
  LRNGrad: ({ inputs, attributes, backend }) => {
    const settings = attributes as unknown as ResponseNormalization;
    const { x, y, dy } = inputs;
    const apply = (op: string, ...operands: (TensorInfo | number)[]): TensorInfo =>
      elementwise(backend, op, operands);
    const norm = responseNorm(backend, x!, settings);
    const direct = apply("Mul", dy!, apply("Pow", norm, -settings.beta));
    const around = channelSum(backend, apply("Div", apply("Mul", dy!, y!), norm), settings.depthRadius);
    return apply("Sub", direct, apply("Mul", apply("Mul", x!, around), 2 * settings.alpha * settings.beta));
  },
};
