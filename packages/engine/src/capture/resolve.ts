import { captureError, type GraphConstant, type GraphInput, type GraphNode } from "./backend/graph.ts";
import type { Sizes, SymbolicNumber } from "../program/dimensions.ts";
import { symbolicValues } from "./backend/symbolic.ts";

/**
 * Turns constants that depend on named dimensions into arithmetic on the sizes of the inputs. A Reshape with one
 * symbolic size needs none: -1 says it.
 */
export function resolveSymbols(
  nodes: readonly GraphNode[],
  constants: readonly GraphConstant[],
  others: ReadonlyMap<string, GraphConstant>,
  inputs: readonly GraphInput[],
  first: Sizes,
  second: Sizes,
): { nodes: GraphNode[]; constants: GraphConstant[] } {
  const used = new Set(nodes.flatMap((node) => node.inputs));
  const symbolic = new Map<string, SymbolicNumber[]>();
  const plain: GraphConstant[] = [];
  for (const constant of constants) {
    if (!used.has(constant.name)) continue;
    const other = others.get(constant.name);
    if (other === undefined)
      throw captureError("The constants of the program depend on the size of a named dimension.");
    const values = symbolicValues(constant, other, first, second);
    if (values === undefined) plain.push(constant);
    else symbolic.set(constant.name, values);
  }

  const sizes: GraphNode[] = [];
  const added: GraphConstant[] = [];
  const made = new Map<string, string>();
  const emit = (key: string, node: Omit<GraphNode, "outputs" | "domain">): string => {
    const known = made.get(key);
    if (known !== undefined) return known;
    const name = `size.${key}`;
    sizes.push({ ...node, outputs: [name], domain: "" });
    made.set(key, name);
    return name;
  };
  const literal = (
    type: GraphConstant["type"],
    shape: readonly number[],
    values: readonly number[],
  ): string => {
    const name = `size.${type}.${shape.length}.${values.join("_")}`;
    if (!made.has(name)) {
      added.push({ name, type, shape, values });
      made.set(name, name);
    }
    return name;
  };
  /** A named dimension as an int64 vector of one element. */
  const dimension = (name: string): string => {
    for (const input of inputs) {
      const axis = input.shape.indexOf(name);
      if (axis >= 0)
        return emit(name, { op: "Shape", inputs: [input.name], attributes: { start: axis, end: axis + 1 } });
    }
    throw captureError(`No input has the dimension ${name}.`);
  };
  /** A product of dimensions as an int64 vector of one element. */
  const product = (number: SymbolicNumber): string => {
    let value: string | undefined;
    let key = "";
    for (const [name, exponent] of Object.entries(number.exponents)) {
      if (exponent < 0) throw captureError("A size of the program is divided by a named dimension.");
      for (let i = 0; i < exponent; i++) {
        const factor = dimension(name);
        key += `*${name}`;
        value =
          value === undefined ? factor : emit(key, { op: "Mul", inputs: [value, factor], attributes: {} });
      }
    }
    const coefficient = Math.round(number.coefficient);
    if (value === undefined) return literal("int64", [1], [coefficient]);
    if (coefficient === 1) return value;
    return emit(`${coefficient}${key}`, {
      op: "Mul",
      inputs: [value, literal("int64", [1], [coefficient])],
      attributes: {},
    });
  };
  const vector = (name: string, values: readonly SymbolicNumber[]): string =>
    emit(`vector.${name}`, { op: "Concat", inputs: values.map(product), attributes: { axis: 0 } });
  /** A float scalar such as 1 / batch. */
  const scalar = (name: string, number: SymbolicNumber): string => {
    let value = literal("float32", [1], [number.coefficient]);
    for (const [dimensionName, exponent] of Object.entries(number.exponents)) {
      const size = emit(`float.${dimensionName}`, {
        op: "Cast",
        inputs: [dimension(dimensionName)],
        attributes: { to: 1 },
      });
      for (let i = 0; i < Math.abs(exponent); i++) {
        value = emit(`${name}.${dimensionName}.${i}`, {
          op: exponent > 0 ? "Mul" : "Div",
          inputs: [value, size],
          attributes: {},
        });
      }
    }
    return emit(`scalar.${name}`, { op: "Squeeze", inputs: [value], attributes: {} });
  };

  const replaced = nodes.map((node) => {
    if (!node.inputs.some((name) => symbolic.has(name))) return node;
    const inputNames = node.inputs.map((name, position) => {
      const values = symbolic.get(name);
      if (values === undefined) return name;
      const constant = constants.find((candidate) => candidate.name === name)!;
      if (constant.type === "float32" && constant.shape.length === 0) return scalar(name, values[0]!);
      if (constant.type !== "int64" || constant.shape.length !== 1) {
        throw captureError(
          `A ${constant.type} constant of shape [${constant.shape.join()}] depends on a named dimension.`,
        );
      }
      const free = values.filter((value) => Object.keys(value.exponents).length > 0);
      if (node.op === "Reshape" && position === 1 && free.length === 1) {
        return literal(
          "int64",
          [values.length],
          values.map((value) => (value === free[0] ? -1 : value.coefficient)),
        );
      }
      return vector(name, values);
    });
    return { ...node, inputs: inputNames };
  });
  return { nodes: [...sizes, ...replaced], constants: [...plain, ...added] };
}
