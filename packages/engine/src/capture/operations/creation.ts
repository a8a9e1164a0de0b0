import type { DataType } from "@tensorflow/tfjs";
import { tf } from "../../program/tf.ts";
import {
  cast,
  choose,
  constant,
  elementwise,
  fill,
  numeric,
  reshape,
  type KernelTable,
} from "../backend/kernel.ts";
import { pad } from "./padding.ts";

/** Tensors that come from numbers or shapes. */
export const creation: KernelTable = {
  Fill: ({ attributes, backend }) =>
    fill(
      backend,
      attributes["shape"] as number[],
      attributes["value"] as number,
      (attributes["dtype"] as DataType | undefined) ?? "float32",
    ),

  OnesLike: ({ inputs, backend }) => fill(backend, inputs["x"]!.shape, 1, inputs["x"]!.dtype),
  ZerosLike: ({ inputs, backend }) => fill(backend, inputs["x"]!.shape, 0, inputs["x"]!.dtype),

  /** start, start + step, ... before stop; empty where the step leads away from it. */
  Range: ({ attributes, backend }) => {
    const { start, stop, step, dtype } = attributes as Record<"start" | "stop" | "step", number> & {
      dtype: DataType;
    };
    // tfjs takes a step of 1 as a direction to be found out.
    const stride = step === 1 && stop < start ? -1 : step;
    const length = Math.max(0, Math.ceil((stop - start) / stride));
    return constant(
      backend,
      [length],
      Array.from({ length }, (_, i) => start + i * stride),
      dtype,
    );
  },

  LinSpace: ({ attributes, backend }) => {
    const { start, stop, num } = attributes as Record<"start" | "stop" | "num", number>;
    const step = num === 1 ? 0 : (stop - start) / (num - 1);
    return constant(
      backend,
      [num],
      Array.from({ length: num }, (_, i) => start + i * step),
      "float32",
    );
  },

  /** The shape, as numbers, to which tensors of two shapes broadcast. */
  BroadcastArgs: ({ inputs, backend }) => {
    const shapes = [inputs["s0"]!, inputs["s1"]!];
    const rank = Math.max(...shapes.map((shape) => shape.shape[0]!));
    const [a, b] = shapes.map((shape) => pad(backend, shape, [[rank - shape.shape[0]!, 0]], 1));
    return choose(backend, elementwise(backend, "Equal", [a!, 1], "bool"), b!, a!, a!.dtype);
  },

  /** x [...shape] -> [...shape, ...shape] with x on the diagonal. */
  Diag: ({ inputs, backend }) => {
    const x = inputs["x"]!;
    const size = tf.util.sizeFromShape(x.shape);
    const places = Array.from({ length: size ** 2 }, (_, i) => Number(i % (size + 1) === 0));
    const diagonal = constant(backend, [size, size], places, "bool");
    const row = reshape(backend, numeric(backend, x), [1, size]);
    const matrix = cast(backend, choose(backend, diagonal, row, 0, row.dtype), x.dtype);
    return reshape(backend, matrix, [...x.shape, ...x.shape]);
  },
};
