import type { GraphNode } from "./backend/graph.ts";

/** An input or a weight, as far as rewriting needs it. */
export interface Sized {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

/**
 * Rewrites the nodes of a trace into fewer that compute the same:
 * - `Gemm` with a weight and `Add` of a bias become one `Gemm`, where nothing else reads the product. onnxruntime then
 *   merges a `Relu` into it too;
 * - an output is written by the node that computes its value, in place of a copy.
 * @param given inputs and weights of the graph, with their shapes
 */
export function shorten(nodes: readonly GraphNode[], given: readonly Sized[]): GraphNode[] {
  return nameOutputs(addBiases(nodes, new Map(given.map(({ name, shape }) => [name, shape]))));
}

function addBiases(nodes: readonly GraphNode[], shapes: ReadonlyMap<string, Sized["shape"]>): GraphNode[] {
  const readers = new Map<string, number>();
  for (const name of nodes.flatMap((node) => node.inputs)) readers.set(name, (readers.get(name) ?? 0) + 1);
  const products = new Map(
    nodes
      .filter(({ op, inputs }) => op === "Gemm" && inputs.length === 2)
      .map((node) => [node.outputs[0]!, node]),
  );
  const merged = new Set<GraphNode>();
  const written = nodes.map((node) => {
    if (node.op !== "Add") return node;
    const [left, right] = node.inputs as [string, string];
    for (const [product, bias] of [
      [left, right],
      [right, left],
    ] as const) {
      const gemm = products.get(product);
      if (gemm === undefined || readers.get(product) !== 1) continue;
      // Only a vector as wide as the weight: any other sum might be larger than the product.
      const width = shapes.get(gemm.inputs[1]!)?.[gemm.attributes["transB"] === 1 ? 0 : 1];
      const shape = shapes.get(bias);
      if (width === undefined || shape?.length !== 1 || shape[0] !== width) continue;
      merged.add(gemm);
      return { ...gemm, inputs: [...gemm.inputs, bias], outputs: node.outputs };
    }
    return node;
  });
  return written.filter((node) => !merged.has(node));
}

function nameOutputs(nodes: readonly GraphNode[]): GraphNode[] {
  const computed = new Set(nodes.filter((node) => node.op !== "Identity").flatMap((node) => node.outputs));
  const renamed = new Map<string, string>();
  const kept = nodes.filter(({ op, inputs, outputs }) => {
    if (op !== "Identity" || !computed.has(inputs[0]!) || renamed.has(inputs[0]!)) return true;
    renamed.set(inputs[0]!, outputs[0]!);
    return false;
  });
  const rename = (names: readonly string[]): string[] => names.map((name) => renamed.get(name) ?? name);
  return kept.map((node) => ({ ...node, inputs: rename(node.inputs), outputs: rename(node.outputs) }));
}
