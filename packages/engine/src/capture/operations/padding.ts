import type { TensorInfo } from "@tensorflow/tfjs";
import { elementType, type CaptureBackend } from "../backend/backend.ts";
import { constant, fill, node, sameShape, type KernelTable } from "../backend/kernel.ts";

/** Elements before and after each axis. */
type Paddings = readonly (readonly [number, number])[];

/** x with a number around it. */
export function pad(backend: CaptureBackend, x: TensorInfo, paddings: Paddings, value: number): TensorInfo {
  const shape = x.shape.map((size, i) => size + paddings[i]![0] + paddings[i]![1]);
  if (sameShape(shape, x.shape)) return backend.info(backend.symbol(x), shape, x.dtype);
  if (x.shape.includes(0)) return fill(backend, shape, value, x.dtype);
  const { builder } = backend;
  const amounts = builder.int64([...paddings.map((pair) => pair[0]), ...paddings.map((pair) => pair[1])]);
  const filler = builder.scalar(value, elementType(x.dtype));
  return backend.value(builder.node("Pad", [backend.name(x), amounts, filler]), shape, x.dtype);
}

/** Elements beyond the ends of a tensor. */
export const padding: KernelTable = {
  PadV2: ({ inputs, attributes, backend }) =>
    pad(backend, inputs["x"]!, attributes["paddings"] as Paddings, attributes["constantValue"] as number),

  /** Elements beyond an end mirror those before it: `reflect` at the last element, `symmetric` at the border behind it. */
  MirrorPad: ({ inputs, attributes, backend }) => {
    const border = attributes["mode"] === "reflect" ? 0 : 1;
    let padded = inputs["x"]!;
    (attributes["paddings"] as Paddings).forEach(([before, after], axis) => {
      if (before === 0 && after === 0) return;
      const size = padded.shape[axis]!;
      const places = Array.from({ length: before + size + after }, (_, i) => {
        const place = i - before;
        if (place < 0) return -place - border;
        return place < size ? place : 2 * (size - 1) - place + border;
      });
      const shape = padded.shape.map((length, i) => (i === axis ? places.length : length));
      const indices = constant(backend, [places.length], places, "int32");
      padded = node(backend, "Gather", [padded, indices], shape, padded.dtype, { axis });
    });
    return padded;
  },
};
