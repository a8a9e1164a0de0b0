import type { TensorInfo } from "@tensorflow/tfjs";
import type { tf } from "../../program/tf.ts";
import type { CaptureBackend } from "../backend/backend.ts";
import { transpose } from "./matrix.ts";

/** Sizes of a convolution or a pooling as tfjs computes them. */
export type ConvInfo = ReturnType<typeof tf.backend_util.computeConv2DInfo>;
/** A number for the height and one for the width. */
type Pair = readonly [number, number];

/** How windows lie on an image, in ONNX' terms. */
export interface Window {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
  /** Padding before the first and behind the last element. */
  readonly begin: Pair;
  readonly end: Pair;
  /** Elements behind the last window; at least one of `end` and this is 0. */
  readonly left: Pair;
}

/**
 * tfjs rounds the number of windows in three ways; ONNX always down. So the padding at the end is what the windows
 * need, which for a "same" or "valid" padding and stride 1 does not depend on the size of the image.
 */
export function windowOf(info: ConvInfo): Window {
  const kernel: Pair = [info.filterHeight, info.filterWidth];
  const strides: Pair = [info.strideHeight, info.strideWidth];
  const dilations: Pair = [info.dilationHeight, info.dilationWidth];
  const begin: Pair = [info.padInfo.top, info.padInfo.left];
  /** How far the last window reaches beyond the image. */
  const beyond = (axis: 0 | 1, size: number, windows: number): number =>
    (windows - 1) * strides[axis] + dilations[axis] * (kernel[axis] - 1) + 1 - size - begin[axis];
  const rows = beyond(0, info.inHeight, info.outHeight);
  const columns = beyond(1, info.inWidth, info.outWidth);
  return {
    kernel,
    strides,
    dilations,
    begin,
    end: [Math.max(0, rows), Math.max(0, columns)],
    left: [Math.max(0, -rows), Math.max(0, -columns)],
  };
}

/** The padding in ONNX' order: before the first row and column, then behind the last. */
export function pads({ begin, end }: Pick<Window, "begin" | "end">): number[] {
  return [...begin, ...end];
}

/** Channels where ONNX has them: [batch, channels, height, width]. */
export function toChannelsFirst(backend: CaptureBackend, x: TensorInfo, info: ConvInfo): TensorInfo {
  return info.dataFormat === "channelsFirst" ? x : transpose(backend, x, [0, 3, 1, 2]);
}

/** Back to where the program has them. */
export function fromChannelsFirst(backend: CaptureBackend, x: TensorInfo, info: ConvInfo): TensorInfo {
  return info.dataFormat === "channelsFirst" ? x : transpose(backend, x, [0, 2, 3, 1]);
}
