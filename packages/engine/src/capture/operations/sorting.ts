import { cast, elementwise, fill, numeric, reshape, type KernelTable } from "../backend/kernel.ts";
import { reduce, toInt32 } from "./reduction.ts";

/** Largest elements in order, and places in sorted sequences. */
export const sorting: KernelTable = {
  /** Sorted even where tfjs leaves the order open, so that equal elements stand in the order of their places. */
  TopK: ({ inputs, attributes, backend }) => {
    const x = numeric(backend, inputs["x"]!);
    const k = attributes["k"] as number;
    const shape = [...x.shape.slice(0, -1), k];
    if (k === 0) return [fill(backend, shape, 0, x.dtype), fill(backend, shape, 0, "int32")];
    const [values, places] = backend.builder.nodeWithOutputs(
      "TopK",
      [backend.name(x), backend.builder.int64([k])],
      2,
    );
    return [backend.value(values!, shape, x.dtype), toInt32(backend, backend.value(places!, shape, "int32"))];
  },

  /** Where values [rows, m] would stand in sorted sequences [rows, n]: how many elements are before each. */
  SearchSorted: ({ inputs, attributes, backend }) => {
    const sequence = inputs["sortedSequence"]!;
    const values = inputs["values"]!;
    const [rows, n] = sequence.shape as [number, number];
    const op = attributes["side"] === "left" ? "Less" : "LessOrEqual";
    const before = elementwise(
      backend,
      op,
      [reshape(backend, sequence, [rows, 1, n]), reshape(backend, values, [rows, values.shape[1]!, 1])],
      "bool",
    );
    return reduce(backend, "ReduceSum", cast(backend, before, "int32"), [2], false);
  },
};
