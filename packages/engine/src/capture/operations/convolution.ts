import type { TensorInfo } from "@tensorflow/tfjs";
import { tf } from "../../program/tf.ts";
import type { CaptureBackend } from "../backend/backend.ts";
import { cast, fill, node, reshape, type KernelTable } from "../backend/kernel.ts";
import { transpose } from "./matrix.ts";
import { slice } from "./slicing.ts";
import { fromChannelsFirst, pads, toChannelsFirst, windowOf, type ConvInfo } from "./window.ts";

/** tfjs' attributes of every 2-D convolution; a 1-D convolution is one of height 1. */
export interface ConvAttributes {
  readonly strides: number | [number, number];
  readonly pad:
    | "valid"
    | "same"
    | number
    | [[number, number], [number, number], [number, number], [number, number]];
  readonly dataFormat?: "NHWC" | "NCHW";
  readonly dilations?: number | [number, number];
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
}

/**
 * Sizes of a 2-D convolution as tfjs computes them.
 * @param input shape of the image, in the data format
 * @param filter [height, width, channels, outputs]; depthwise [height, width, channels, multiplier]
 */
function convInfo(
  input: readonly number[],
  filter: readonly number[],
  attributes: ConvAttributes,
  depthwise: boolean,
): ConvInfo {
  const { strides, pad, dilations, dimRoundingMode, dataFormat } = attributes;
  return tf.backend_util.computeConv2DInfo(
    input as [number, number, number, number],
    filter as [number, number, number, number],
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
    tf.backend_util.convertConv2DDataFormat(dataFormat ?? "NHWC"),
  );
}

/** A 2-D convolution of x, in the data format, with a filter [height, width, channels, outputs or multiplier]. */
export function convolve(
  backend: CaptureBackend,
  x: TensorInfo,
  filter: TensorInfo,
  attributes: ConvAttributes,
  depthwise: boolean,
): TensorInfo {
  const info = convInfo(x.shape, filter.shape, attributes, depthwise);
  if (tf.util.sizeFromShape(info.outShape) === 0) return fill(backend, info.outShape, 0, "float32");
  const window = windowOf(info);
  const image = toChannelsFirst(backend, cast(backend, x, "float32"), info);
  const weights = weightsOf(backend, filter, depthwise);
  const { batchSize, outChannels, outHeight, outWidth } = info;
  const shape = [batchSize, outChannels, outHeight, outWidth];
  const result = node(backend, "Conv", [image, weights], shape, "float32", {
    kernel_shape: window.kernel,
    strides: window.strides,
    dilations: window.dilations,
    pads: pads(window),
    group: depthwise ? info.inChannels : 1,
  });
  return fromChannelsFirst(backend, result, info);
}

/** [height, width, in, out] -> [out, in, height, width]; depthwise, every channel is a group of one. */
function weightsOf(backend: CaptureBackend, filter: TensorInfo, depthwise: boolean): TensorInfo {
  const weights = cast(backend, filter, "float32");
  if (!depthwise) return transpose(backend, weights, [3, 2, 0, 1]);
  const [height, width, channels, multiplier] = filter.shape as [number, number, number, number];
  const grouped = transpose(backend, weights, [2, 3, 0, 1]);
  return reshape(backend, grouped, [channels * multiplier, 1, height, width]);
}

function imageGradient(
  backend: CaptureBackend,
  dy: TensorInfo,
  filter: TensorInfo,
  attributes: Record<string, unknown>,
  depthwise: boolean,
): TensorInfo {
  const inputShape = attributes["inputShape"] as number[];
  const info = convInfo(inputShape, filter.shape, attributes as unknown as ConvAttributes, depthwise);
  const weights = weightsOf(backend, filter, depthwise);
  const { batchSize, outChannels, outHeight, outWidth } = info;
  // Of a transposed convolution, tfjs takes what its windows need and leaves the rest.
  const gradient = slice(
    backend,
    toChannelsFirst(backend, cast(backend, dy, "float32"), info),
    [0, 0, 0, 0],
    [batchSize, outChannels, outHeight, outWidth],
  );
  return fromChannelsFirst(backend, spread(backend, gradient, weights, info, depthwise), info);
}

/** The transpose of a convolution: dy [batch, out, ...] -> [batch, in, height, width]. */
export function spread(
  backend: CaptureBackend,
  dy: TensorInfo,
  weights: TensorInfo,
  info: ConvInfo,
  depthwise: boolean,
): TensorInfo {
  const window = windowOf(info);
  const shape = [info.batchSize, info.inChannels, info.inHeight, info.inWidth];
  return node(backend, "ConvTranspose", [dy, weights], shape, "float32", {
    kernel_shape: window.kernel,
    strides: window.strides,
    dilations: window.dilations,
    pads: pads(window),
    output_padding: window.left,
    group: depthwise ? info.inChannels : 1,
  });
}

/**
 * dw[h, w, in, out] = sum over batch and windows of x[b, window + (h, w), in] dy[b, window, out]: a convolution of x
 * with dy as filter, where strides and dilations change places, and the batch is what is summed over.
 */
function filterGradient(
  backend: CaptureBackend,
  x: TensorInfo,
  dy: TensorInfo,
  attributes: Record<string, unknown>,
  depthwise: boolean,
): TensorInfo {
  const filterShape = attributes["filterShape"] as [number, number, number, number];
  const info = convInfo(x.shape, filterShape, attributes as unknown as ConvAttributes, depthwise);
  const window = windowOf(info);
  const { batchSize, inChannels, outChannels, inHeight, inWidth, outHeight, outWidth } = info;
  const image = transpose(backend, toChannelsFirst(backend, cast(backend, x, "float32"), info), [1, 0, 2, 3]);
  const gradient = transpose(
    backend,
    toChannelsFirst(backend, cast(backend, dy, "float32"), info),
    [1, 0, 2, 3],
  );
  const groups = depthwise ? inChannels : 1;
  const images = depthwise ? reshape(backend, image, [1, inChannels * batchSize, inHeight, inWidth]) : image;
  // Elements that no window reached make the result larger than the filter.
  const reached = (axis: 0 | 1): number =>
    window.kernel[axis] + Math.floor(window.left[axis] / window.dilations[axis]);
  const shape = [depthwise ? 1 : inChannels, outChannels, reached(0), reached(1)];
  const result = node(backend, "Conv", [images, gradient], shape, "float32", {
    kernel_shape: [outHeight, outWidth],
    strides: window.dilations,
    dilations: window.strides,
    pads: pads(window),
    group: groups,
  });
  const wanted = slice(backend, result, [0, 0, 0, 0], [...shape.slice(0, 2), ...window.kernel]);
  const [height, width, , last] = filterShape;
  const byChannel = reshape(backend, wanted, [inChannels, last, height, width]);
  return transpose(backend, byChannel, [2, 3, 0, 1]);
}

/** Convolution of images, one filter for all channels or one for each, and its two gradients. tfjs makes 1-D ones of these. */
export const convolution: KernelTable = {
  Conv2D: ({ inputs, attributes, backend }) =>
    convolve(backend, inputs["x"]!, inputs["filter"]!, attributes as unknown as ConvAttributes, false),

  DepthwiseConv2dNative: ({ inputs, attributes, backend }) =>
    convolve(backend, inputs["x"]!, inputs["filter"]!, attributes as unknown as ConvAttributes, true),

  Conv2DBackpropInput: ({ inputs, attributes, backend }) =>
    imageGradient(backend, inputs["dy"]!, inputs["filter"]!, attributes, false),

  DepthwiseConv2dNativeBackpropInput: ({ inputs, attributes, backend }) =>
    imageGradient(backend, inputs["dy"]!, inputs["filter"]!, attributes, true),

  Conv2DBackpropFilter: ({ inputs, attributes, backend }) =>
    filterGradient(backend, inputs["x"]!, inputs["dy"]!, attributes, false),

  DepthwiseConv2dNativeBackpropFilter: ({ inputs, attributes, backend }) =>
    filterGradient(backend, inputs["x"]!, inputs["dy"]!, attributes, true),
};
