import type { IdInput } from "../program/row-ids.ts";
import type { GraphInput, GraphNode } from "./backend/graph.ts";
import type { Sized } from "./shortcuts.ts";

/** Operations that give every element of their first operand, as it is. */
const keepsElements: ReadonlySet<string> = new Set([
  "Cast",
  "Identity",
  "Reshape",
  "Squeeze",
  "Transpose",
  "Unsqueeze",
]);

/** Inputs of a graph by whose elements rows are gathered. @param given inputs and weights, with their shapes */
export function idInputs(
  nodes: readonly GraphNode[],
  inputs: readonly GraphInput[],
  given: readonly Sized[],
): IdInput[] {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node])));
  const integers = new Set(inputs.filter(({ type }) => type === "int32").map(({ name }) => name));
  const shapes = new Map(given.map(({ name, shape }) => [name, shape]));
  const found = new Map<string, IdInput>();
  for (const { op, inputs: operands, attributes } of nodes) {
    if (op !== "Gather" && op !== "GatherND") continue;
    let source = operands[1]!;
    for (let node = producers.get(source); node !== undefined; node = producers.get(source)) {
      if (!keepsElements.has(node.op)) break;
      source = node.inputs[0]!;
    }
    if (!source.startsWith("input.") || !integers.has(source)) continue;
    const size = op === "Gather" ? shapes.get(operands[0]!)?.[attributes["axis"] as number] : undefined;
    const name = source.slice("input.".length);
    if (found.get(name)?.rows === undefined)
      found.set(name, { name, rows: typeof size === "number" ? size : undefined });
  }
  return [...found.values()];
}
