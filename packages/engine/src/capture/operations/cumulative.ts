import type { TensorInfo } from "@tensorflow/tfjs";
import { tf } from "../../program/tf.ts";
import type { CaptureBackend } from "../backend/backend.ts";
import { elementwise, numeric, type KernelTable } from "../backend/kernel.ts";
import { pad } from "./padding.ts";
import { reverse, slice } from "./slicing.ts";

/** Moved along an axis by some elements; ones move in, and the last elements out. */
function shifted(backend: CaptureBackend, x: TensorInfo, axis: number, by: number): TensorInfo {
  const paddings = x.shape.map((_, i): [number, number] => [i === axis ? by : 0, 0]);
  return slice(
    backend,
    pad(backend, x, paddings, 1),
    x.shape.map(() => 0),
    x.shape,
  );
}

/** Sums and products along an axis, from its first element to each. */
export const cumulative: KernelTable = {
  Cumsum: ({ inputs, attributes, backend }) => {
    const x = numeric(backend, inputs["x"]!);
    const [axis] = tf.util.parseAxisParam(attributes["axis"] as number, x.shape);
    const name = backend.builder.node(
      "CumSum",
      [backend.name(x), backend.builder.constant("int64", [], [axis!])],
      {
        exclusive: attributes["exclusive"] === true ? 1 : 0,
        reverse: attributes["reverse"] === true ? 1 : 0,
      },
    );
    return backend.value(name, x.shape, x.dtype);
  },

  /**
   * ONNX has no cumulative product. Each round multiplies by the products that end `step` elements before, and doubles
   * the step (Hillis and Steele, "Data parallel algorithms", 1986): log2(size) rounds.
   */
  Cumprod: ({ inputs, attributes, backend }) => {
    const x = numeric(backend, inputs["x"]!);
    const [axis] = tf.util.parseAxisParam(attributes["axis"] as number, x.shape);
    const backwards = attributes["reverse"] === true;
    let product = backwards ? reverse(backend, x, [axis!]) : x;
    if (attributes["exclusive"] === true) product = shifted(backend, product, axis!, 1);
    for (let step = 1; step < x.shape[axis!]!; step *= 2)
      product = elementwise(backend, "Mul", [product, shifted(backend, product, axis!, step)]);
    return backwards ? reverse(backend, product, [axis!]) : product;
  },
};
