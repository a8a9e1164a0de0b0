import { CorellaError } from "@corella/errors";

/** ONNX element types (TensorProto.DataType) that captured programs use. */
export const elementTypes = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
} as const;
/** The name of an element type in a captured graph. */
export type ElementType = keyof typeof elementTypes;

/** A value of an ONNX attribute. A plain number is an integer there; `{ float }` is a float. */
export type Attribute = number | string | readonly number[] | { readonly float: number };

/**
 * One ONNX operator with the names of the values that it reads and makes. `domain` is ONNX or onnxruntime's own
 * operators.
 */
export interface GraphNode {
  readonly op: string;
  readonly domain: "" | "com.microsoft";
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/**
 * A constant of the graph. Scalars and int64 vectors may depend on the symbolic dimensions: two traces with
 * different sizes show which do (see symbolic.ts).
 */
export interface GraphConstant {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** A value that is fed at each run; named sizes may differ from run to run. */
export interface GraphInput {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

/** A frozen weight: stored beside the graph, packed by the runtime at load time. */
export interface GraphWeight {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** float16 as raw patterns. */
  readonly data: Float32Array | Int8Array | Uint8Array | Uint16Array;
}

/** Collects the nodes of one trace. Equal nodes and equal constants are emitted once. */
export class GraphBuilder {
  readonly nodes: GraphNode[] = [];
  readonly constants: Map<string, GraphConstant> = new Map();
  readonly inputs: GraphInput[] = [];
  readonly weights: GraphWeight[] = [];
  /** Shapes of the values that kernels made, in this trace's sizes. */
  readonly shapes: Map<string, readonly number[]> = new Map();
  readonly #producers = new Map<string, GraphNode>();
  readonly #nodeOutputs = new Map<string, readonly string[]>();
  readonly #constantNames = new Map<string, string>();
  #count = 0;

  /** A name that nothing in the graph has yet. */
  fresh(prefix: string): string {
    this.#count += 1;
    return `${prefix}${this.#count}`;
  }

  /** Declares a value that is fed; returns its name. */
  input(name: string, type: ElementType, shape: readonly (number | string)[]): string {
    this.inputs.push({ name, type, shape });
    return name;
  }

  /** Adds a weight unless one of that name is there; returns its name. */
  weight(weight: GraphWeight): string {
    if (!this.weights.some(({ name }) => name === weight.name)) this.weights.push(weight);
    return weight.name;
  }

  /** A constant's name. Equal small constants share one. */
  constant(type: ElementType, shape: readonly number[], values: ArrayLike<number>): string {
    // Only small constants are worth a key; a big one is held once by its tensor anyway.
    const key =
      values.length <= 64 ? `${type}[${shape.join()}]${Array.from(values, exactly).join()}` : undefined;
    const known = key === undefined ? undefined : this.#constantNames.get(key);
    if (known !== undefined) return known;
    const name = this.fresh("c");
    this.constants.set(name, { name, type, shape, values });
    if (key !== undefined) this.#constantNames.set(key, name);
    return name;
  }

  /** The name of a constant of shape []. */
  scalar(value: number, type: ElementType = "float32"): string {
    return this.constant(type, [], [value]);
  }

  /** The name of an int64 vector, which is how ONNX takes shapes, axes and places. */
  int64(values: readonly number[]): string {
    return this.constant("int64", [values.length], values);
  }

  /** Adds a node with one output and returns that value's name; an equal node that is there already serves again. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain: "" | "com.microsoft" = "",
  ): string {
    return this.nodeWithOutputs(op, inputs, 1, attributes, domain)[0]!;
  }

  /** Adds a node with several outputs and returns their names; an equal node that is there already serves again. */
  nodeWithOutputs(
    op: string,
    inputs: readonly string[],
    outputCount: number,
    attributes: Readonly<Record<string, Attribute>> = {},
    domain: "" | "com.microsoft" = "",
  ): readonly string[] {
    const key = `${domain}/${op}(${inputs.join()})${JSON.stringify(attributes)}${outputCount}`;
    const known = this.#nodeOutputs.get(key);
    if (known !== undefined) return known;
    const outputs = Array.from({ length: outputCount }, () => this.fresh("t"));
    const made: GraphNode = { op, domain, inputs, outputs, attributes };
    this.nodes.push(made);
    for (const name of outputs) this.#producers.set(name, made);
    this.#nodeOutputs.set(key, outputs);
    return outputs;
  }

  /** The node that computes a value; undefined for inputs, weights and constants. */
  producer(name: string): GraphNode | undefined {
    return this.#producers.get(name);
  }

  /** Gives an existing value a public name. */
  output(name: string, value: string): void {
    this.nodes.push({ op: "Identity", domain: "", inputs: [value], outputs: [name], attributes: {} });
  }
}

/** -0 and 0 are different constants, and so are all NaNs equal to themselves. */
function exactly(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** Nodes that the outputs depend on, in order. */
export function reachableNodes(nodes: readonly GraphNode[], outputs: readonly string[]): GraphNode[] {
  const needed = new Set(outputs);
  const kept: GraphNode[] = [];
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!;
    if (!node.outputs.some((name) => needed.has(name))) continue;
    kept.push(node);
    for (const name of node.inputs) needed.add(name);
  }
  return kept.reverse();
}

/** An error `engine/capture`. @param place `file:line:column` in the program; `located` finds it where it is absent */
export function captureError(message: string, place?: string): CorellaError {
  return new CorellaError({
    code: "engine/capture",
    message,
    place,
    remedy:
      "Write the program with the operations listed in packages/engine/README.md, or run it with the tfjs-cpu runtime.",
  });
}
