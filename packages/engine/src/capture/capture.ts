import { CorellaError } from "@corella/errors";
import { dimensionsOf, type Sizes, type SymbolicNumber } from "../program/dimensions.ts";
import type { Program } from "../program/program.ts";
import { captureError, reachableNodes, type GraphNode } from "./backend/graph.ts";
import { factor, standInPairs, standInSizes } from "./backend/symbolic.ts";
import type { CapturedGraph, CaptureOptions } from "./captured-graph.ts";
import { idInputs } from "./id-inputs.ts";
import { located } from "./located.ts";
import { record } from "./record.ts";
import { resolveSymbols } from "./resolve.ts";
import { shorten } from "./shortcuts.ts";

/** Traces a program into one graph that serves every size of its named dimensions. */
export function capture(program: Program, options: CaptureOptions): CapturedGraph {
  const dimensions = dimensionsOf(program);
  let firstError: unknown;
  for (let pair = 0; pair < standInPairs; pair++) {
    try {
      return captureWith(program, options, standInSizes(dimensions, pair));
    } catch (error) {
      // A width of the program that equals a stand-in size makes the two traces differ: other sizes may do.
      if (!CorellaError.isInstance(error) || error.code !== "engine/capture") throw error;
      firstError ??= error;
    }
  }
  throw firstError;
}

function captureWith(
  program: Program,
  options: CaptureOptions,
  { first, second }: { readonly first: Sizes; readonly second: Sizes },
): CapturedGraph {
  const a = located(() => record(program, options, first));
  const b = located(() => record(program, options, second));
  const sameNodes =
    a.builder.nodes.length === b.builder.nodes.length &&
    a.builder.nodes.every((node, i) => sameNode(node, b.builder.nodes[i]!));
  if (!sameNodes)
    throw captureError("The operations of the program depend on the size of a named dimension.");

  const reachable = reachableNodes(
    a.builder.nodes,
    a.outputs.map((output) => output.name),
  );
  const given = [...a.builder.inputs, ...a.builder.weights];
  const kept = shorten(reachable, given);
  const used = new Set(kept.flatMap((node) => node.inputs));
  const symbolicShape = (shape: readonly number[], other: readonly number[]): SymbolicNumber[] =>
    shape.map((size, i) => {
      const number = factor(size, other[i]!, first, second);
      if (number === undefined)
        throw captureError(`An output of size ${size} is not a product of the named dimensions.`);
      return number;
    });
  const inputs = a.builder.inputs.filter((input) => used.has(input.name));
  const resolved = resolveSymbols(
    kept,
    [...a.builder.constants.values()],
    b.builder.constants,
    a.builder.inputs,
    first,
    second,
  );
  const sizedBy = new Set(resolved.nodes.flatMap((node) => node.inputs));
  return {
    nodes: resolved.nodes,
    constants: resolved.constants,
    weights: a.builder.weights.filter((weight) => used.has(weight.name)),
    inputs: a.builder.inputs.filter((input) => inputs.includes(input) || sizedBy.has(input.name)),
    outputs: a.outputs.map((output, i) => ({
      ...output,
      shape: symbolicShape(output.shape, b.outputs[i]!.shape),
    })),
    masks: a.masks
      .map((mask, i) => ({ ...mask, shape: symbolicShape(mask.shape, b.masks[i]!.shape) }))
      .filter((mask) => used.has(mask.name)),
    lookups: a.lookups,
    ids: idInputs(kept, inputs, given),
    tables: [...a.tables].filter((table) => used.has(`table.${table}`)),
    differentiated: a.differentiated,
    assigned: a.assigned,
  };
}

function sameNode(a: GraphNode, b: GraphNode): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
