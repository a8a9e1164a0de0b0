import { tf } from "../../program/tf.ts";
import { node, type KernelTable } from "../backend/kernel.ts";

/** Contractions by an equation (Einstein summation). */
export const einsum: KernelTable = {
  Einsum: ({ inputs, attributes, backend }) => {
    const tensors = Object.values(inputs);
    const equation = (attributes["equation"] as string).replace(/\s/g, "");
    // Names an equation that does not fit.
    const { allDims, idDims } = tf.backend_util.decodeEinsumEquation(equation, tensors.length);
    tf.backend_util.checkEinsumDimSizes(allDims.length, idDims, tensors as never);
    const sizes = new Map<string, number>();
    const [operands, result] = equation.split("->") as [string, string];
    operands.split(",").forEach((labels, i) => {
      [...labels].forEach((label, axis) => sizes.set(label, tensors[i]!.shape[axis]!));
    });
    const shape = Array.from(result, (label) => sizes.get(label)!);
    return node(backend, "Einsum", tensors, shape, tensors[0]!.dtype, { equation });
  },
};
