import type { TensorInfo } from "@tensorflow/tfjs";
import { tf } from "../../program/tf.ts";
import type { CaptureBackend } from "../backend/backend.ts";
import {
  cast,
  choose,
  constant,
  elementwise,
  fill,
  node,
  reshape,
  sameShape,
  type KernelTable,
} from "../backend/kernel.ts";
import { spread, type ConvAttributes } from "./convolution.ts";
import { pad } from "./padding.ts";
import { toInt32 } from "./reduction.ts";
import { scatterAdd } from "./scatter.ts";
import { slice } from "./slicing.ts";
import { fromChannelsFirst, pads, toChannelsFirst, windowOf, type ConvInfo, type Window } from "./window.ts";

function poolInfo(x: TensorInfo, attributes: Record<string, unknown>): ConvInfo {
  const { strides, pad: padding, dimRoundingMode } = attributes as unknown as ConvAttributes;
  return tf.backend_util.computePool2DInfo(
    x.shape as [number, number, number, number],
    attributes["filterSize"] as [number, number],
    strides,
    1,
    padding,
    dimRoundingMode,
  );
}

interface Pooled {
  readonly info: ConvInfo;
  readonly window: Window;
  /** [batch, channels, height, width], padded already where onnxruntime does not: padding as wide as the window. */
  readonly image: TensorInfo;
  readonly attributes: Record<string, readonly number[] | number>;
  readonly shape: number[];
  readonly padded: boolean;
}

function prepare(
  backend: CaptureBackend,
  x: TensorInfo,
  attributes: Record<string, unknown>,
  padding: number,
): Pooled {
  const info = poolInfo(x, attributes);
  const window = windowOf(info);
  const image = toChannelsFirst(backend, cast(backend, x, "float32"), info);
  const padded = window.kernel.some((size, axis) =>
    pads(window).some((amount, i) => i % 2 === axis && amount >= size),
  );
  const wide = padded
    ? pad(
        backend,
        image,
        [
          [0, 0],
          [0, 0],
          [window.begin[0], window.end[0]],
          [window.begin[1], window.end[1]],
        ],
        padding,
      )
    : image;
  return {
    info,
    window,
    image: wide,
    attributes: {
      kernel_shape: window.kernel,
      strides: window.strides,
      pads: padded ? [0, 0, 0, 0] : pads(window),
    },
    shape: [info.batchSize, info.outChannels, info.outHeight, info.outWidth],
    padded,
  };
}

/** tfjs passes images on where windows of one element give as many as there were, whatever the padding. */
function isIdentity({ filterHeight, filterWidth, inShape, outShape }: ConvInfo): boolean {
  return filterHeight === 1 && filterWidth === 1 && sameShape(inShape, outShape);
}

/** The largest elements and where they stand in the flat image [batch, channels, height, width]. */
function maxWithPlaces(
  backend: CaptureBackend,
  { image, shape, attributes }: Pooled,
): { values: TensorInfo; places: TensorInfo } {
  // tfjs passes over NaN; onnxruntime does too, but not where it returns places.
  const unknown = node(backend, "IsNaN", [image], image.shape, "bool");
  const known = choose(backend, unknown, -Infinity, image, "float32");
  const [values, places] = backend.builder.nodeWithOutputs("MaxPool", [backend.name(known)], 2, attributes);
  return {
    values: backend.value(values!, shape, "float32"),
    places: toInt32(backend, backend.value(places!, shape, "int32")),
  };
}

/** How many elements of each window along one axis are inside the image. */
function insideCounts(info: ConvInfo, { kernel, strides, begin }: Window, axis: 0 | 1): number[] {
  const size = axis === 0 ? info.inHeight : info.inWidth;
  return Array.from({ length: axis === 0 ? info.outHeight : info.outWidth }, (_, i) => {
    const start = i * strides[axis] - begin[axis];
    return Math.max(0, Math.min(size, start + kernel[axis]) - Math.max(0, start));
  });
}

/** Largest elements and means of windows on images, with their gradients. */
export const pooling: KernelTable = {
  MaxPool: ({ inputs, attributes, backend }) => {
    const x = inputs["x"]!;
    if (isIdentity(poolInfo(x, attributes))) return backend.info(backend.symbol(x), x.shape, x.dtype);
    const { image, info, shape, attributes: windows } = prepare(backend, x, attributes, -Infinity);
    const result = node(backend, "MaxPool", [image], shape, "float32", windows);
    return cast(backend, fromChannelsFirst(backend, result, info), x.dtype);
  },

  /** dy goes to the first of the largest elements of its window. */
  MaxPoolGrad: ({ inputs, attributes, backend }) => {
    const pooled = prepare(backend, inputs["input"]!, attributes, -Infinity);
    const { image, info, window, shape } = pooled;
    const { places } = maxWithPlaces(backend, pooled);
    const dy = toChannelsFirst(backend, inputs["dy"]!, info);
    const count = tf.util.sizeFromShape(shape);
    const flat = scatterAdd(
      backend,
      [tf.util.sizeFromShape(image.shape)],
      reshape(backend, places, [count]),
      reshape(backend, dy, [count]),
    );
    const gradient = reshape(backend, flat, image.shape);
    const { batchSize, inChannels, inHeight, inWidth } = info;
    const inner = pooled.padded
      ? slice(backend, gradient, [0, 0, ...window.begin], [batchSize, inChannels, inHeight, inWidth])
      : gradient;
    return fromChannelsFirst(backend, inner, info);
  },

  /** The places are counted in [batch, height, width, channels], of one image or of all. */
  MaxPoolWithArgmax: ({ inputs, attributes, backend }) => {
    const x = inputs["x"]!;
    const pooled = prepare(backend, x, attributes, -Infinity);
    const { info } = pooled;
    const { values, places } = maxWithPlaces(backend, pooled);
    const area = info.inHeight * info.inWidth;
    const apply = (op: string, ...operands: (TensorInfo | number)[]): TensorInfo =>
      elementwise(backend, op, operands);
    const inArea = apply("Mod", places, area);
    const plane = apply("Div", places, area);
    const channel = apply("Mod", plane, info.inChannels);
    let place = apply("Add", apply("Mul", inArea, info.inChannels), channel);
    if (attributes["includeBatchInIndex"] === true) {
      const image = apply("Div", plane, info.inChannels);
      place = apply("Add", place, apply("Mul", image, area * info.inChannels));
    }
    return [
      cast(backend, fromChannelsFirst(backend, values, info), x.dtype),
      fromChannelsFirst(backend, place, info),
    ];
  },

  /** Means of the elements in each window that are not padding. */
  AvgPool: ({ inputs, attributes, backend }) => {
    const x = inputs["x"]!;
    if (isIdentity(poolInfo(x, attributes))) return backend.info(backend.symbol(x), x.shape, x.dtype);
    const pooled = prepare(backend, x, attributes, 0);
    const { image, info, shape, window } = pooled;
    const mean = node(backend, "AveragePool", [image], shape, "float32", pooled.attributes);
    if (!pooled.padded) return fromChannelsFirst(backend, mean, info);
    const area = window.kernel[0] * window.kernel[1];
    const rows = insideCounts(info, window, 0);
    const columns = insideCounts(info, window, 1);
    const scales = rows.flatMap((row) => columns.map((column) => area / (row * column)));
    const scale = constant(backend, [rows.length, columns.length], scales, "float32");
    return fromChannelsFirst(backend, elementwise(backend, "Mul", [mean, scale]), info);
  },

  /** tfjs spreads dy evenly over the window, padding included: every channel is convolved with 1 / area, transposed. */
  AvgPoolGrad: ({ inputs, attributes, backend }) => {
    const info = poolInfo(inputs["input"]!, attributes);
    const { filterHeight, filterWidth, inChannels } = info;
    const shape = [inChannels, 1, filterHeight, filterWidth];
    const weights = fill(backend, shape, 1 / (filterHeight * filterWidth), "float32");
    const dy = toChannelsFirst(backend, inputs["dy"]!, info);
    return fromChannelsFirst(backend, spread(backend, dy, weights, info, true), info);
  },
};
