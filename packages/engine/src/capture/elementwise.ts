import type { DataType, TensorInfo } from "@tensorflow/tfjs";
import { elementTypes } from "./graph.ts";
import { elementType, type CaptureBackend } from "./backend.ts";
import { broadcastShape, node, registerKernel, sameShape } from "./kernels.ts";

/** An operand's name: a uniform constant is written as a scalar where broadcasting gives the same result. */
function operand(
  backend: CaptureBackend,
  x: TensorInfo,
  other: TensorInfo,
  shape: readonly number[],
): string {
  const symbol = backend.symbol(x);
  if (symbol.kind === "fill" && sameShape(other.shape, shape))
    return backend.builder.scalar(symbol.value, symbol.type);
  return backend.name(x);
}

function isFill(backend: CaptureBackend, x: TensorInfo, value: number): boolean {
  const symbol = backend.symbol(x);
  return symbol.kind === "fill" && symbol.value === value;
}

function binary(
  op: string,
  result?: DataType,
  simplify?: (a: boolean, b: boolean) => "a" | "b" | undefined,
  neutral = 0,
): Parameters<typeof registerKernel>[1] {
  return ({ inputs, backend }) => {
    const a = inputs["a"]!;
    const b = inputs["b"]!;
    const shape = broadcastShape(a.shape, b.shape);
    const dtype = result ?? a.dtype;
    // x + 0, x * 1 and the like, which automatic differentiation writes a lot, are x.
    const kept = simplify?.(isFill(backend, a, neutral), isFill(backend, b, neutral));
    if (kept === "a" && sameShape(a.shape, shape)) return backend.info(backend.symbol(a), shape, dtype);
    if (kept === "b" && sameShape(b.shape, shape)) return backend.info(backend.symbol(b), shape, dtype);
    const names = [operand(backend, a, b, shape), operand(backend, b, a, shape)];
    return backend.value(backend.builder.node(op, names), shape, dtype);
  };
}

const eitherNeutral = (a: boolean, b: boolean): "a" | "b" | undefined => (b ? "a" : a ? "b" : undefined);
const rightNeutral = (_: boolean, b: boolean): "a" | undefined => (b ? "a" : undefined);

registerKernel("Add", binary("Add", undefined, eitherNeutral, 0));
registerKernel("Sub", binary("Sub", undefined, rightNeutral, 0));
registerKernel("Multiply", binary("Mul", undefined, eitherNeutral, 1));
registerKernel("RealDiv", binary("Div", undefined, rightNeutral, 1));
registerKernel("Maximum", binary("Max"));
registerKernel("Minimum", binary("Min"));
registerKernel("Pow", binary("Pow", undefined, rightNeutral, 1));
registerKernel("Prelu", ({ inputs, backend }) =>
  node(backend, "PRelu", [inputs["x"]!, inputs["alpha"]!], inputs["x"]!.shape, "float32"),
);
for (const [kernel, op] of Object.entries({
  Greater: "Greater",
  GreaterEqual: "GreaterOrEqual",
  Less: "Less",
  LessEqual: "LessOrEqual",
  Equal: "Equal",
  LogicalAnd: "And",
  LogicalOr: "Or",
})) {
  registerKernel(kernel, binary(op, "bool"));
}
registerKernel("NotEqual", (call) => {
  const equal = binary("Equal", "bool")(call) as TensorInfo;
  return node(call.backend, "Not", [equal], equal.shape, "bool");
});
registerKernel("SquaredDifference", (call) => {
  const difference = binary("Sub")(call) as TensorInfo;
  return node(call.backend, "Mul", [difference, difference], difference.shape, difference.dtype);
});
registerKernel("AddN", ({ inputs, backend }) => {
  const tensors = Object.values(inputs);
  return node(backend, "Sum", tensors, tensors[0]!.shape, tensors[0]!.dtype);
});

/** Kernels of one operand that are one ONNX operator, with the attributes it needs. */
const unary: Record<string, string> = {
  Abs: "Abs",
  Neg: "Neg",
  Exp: "Exp",
  Log: "Log",
  Sqrt: "Sqrt",
  Reciprocal: "Reciprocal",
  Sigmoid: "Sigmoid",
  Tanh: "Tanh",
  Relu: "Relu",
  Softplus: "Softplus",
  Erf: "Erf",
  Sin: "Sin",
  Cos: "Cos",
  Tan: "Tan",
  Asin: "Asin",
  Acos: "Acos",
  Atan: "Atan",
  Sinh: "Sinh",
  Cosh: "Cosh",
  Floor: "Floor",
  Ceil: "Ceil",
  Round: "Round",
  Sign: "Sign",
  Elu: "Elu",
  Selu: "Selu",
};
for (const [kernel, op] of Object.entries(unary)) {
  registerKernel(kernel, ({ inputs, backend }) =>
    node(backend, op, [inputs["x"]!], inputs["x"]!.shape, inputs["x"]!.dtype),
  );
}
registerKernel("LogicalNot", ({ inputs, backend }) =>
  node(backend, "Not", [inputs["x"]!], inputs["x"]!.shape, "bool"),
);
registerKernel("IsNan", ({ inputs, backend }) =>
  node(backend, "IsNaN", [inputs["x"]!], inputs["x"]!.shape, "bool"),
);
registerKernel("Square", ({ inputs, backend }) =>
  node(backend, "Mul", [inputs["x"]!, inputs["x"]!], inputs["x"]!.shape, inputs["x"]!.dtype),
);
registerKernel("Rsqrt", ({ inputs, backend }) => {
  const x = inputs["x"]!;
  return node(backend, "Reciprocal", [node(backend, "Sqrt", [x], x.shape, x.dtype)], x.shape, x.dtype);
});
registerKernel("LeakyRelu", ({ inputs, attributes, backend }) =>
  node(backend, "LeakyRelu", [inputs["x"]!], inputs["x"]!.shape, "float32", {
    alpha: { float: attributes["alpha"] as number },
  }),
);

/** A kernel of the form op(x, scalar). */
function withScalar(op: string, value: number): Parameters<typeof registerKernel>[1] {
  return ({ inputs, backend }) => {
    const x = inputs["x"]!;
    return backend.value(
      backend.builder.node(op, [backend.name(x), backend.builder.scalar(value)]),
      x.shape,
      x.dtype,
    );
  };
}
registerKernel("Log1p", (call) => {
  const sum = withScalar("Add", 1)(call) as TensorInfo;
  return node(call.backend, "Log", [sum], sum.shape, sum.dtype);
});
registerKernel("Expm1", (call) => {
  const x = call.inputs["x"]!;
  const power = node(call.backend, "Exp", [x], x.shape, x.dtype);
  return withScalar("Sub", 1)({ ...call, inputs: { x: power } });
});
registerKernel("Relu6", ({ inputs, backend }) => clip(backend, inputs["x"]!, 0, 6));
registerKernel("ClipByValue", ({ inputs, attributes, backend }) =>
  clip(backend, inputs["x"]!, attributes["clipValueMin"] as number, attributes["clipValueMax"] as number),
);

function clip(backend: CaptureBackend, x: TensorInfo, low: number, high: number): TensorInfo {
  const type = elementType(x.dtype);
  const bounds = [backend.builder.scalar(low, type), backend.builder.scalar(high, type)];
  return backend.value(backend.builder.node("Clip", [backend.name(x), ...bounds]), x.shape, x.dtype);
}

/** 1 where x > 0, alpha elsewhere; tfjs' derivative of relu. */
registerKernel("Step", ({ inputs, attributes, backend }) => {
  const x = inputs["x"]!;
  const positive = backend.builder.node("Greater", [
    backend.name(x),
    backend.builder.scalar(0, elementType(x.dtype)),
  ]);
  const alpha = (attributes["alpha"] as number | undefined) ?? 0;
  if (alpha === 0)
    return backend.value(
      backend.builder.node("Cast", [positive], { to: elementTypes.float32 }),
      x.shape,
      "float32",
    );
  const branches = [backend.builder.scalar(1), backend.builder.scalar(alpha)];
  return backend.value(backend.builder.node("Where", [positive, ...branches]), x.shape, "float32");
});

registerKernel("Cast", ({ inputs, attributes, backend }) => {
  const x = inputs["x"]!;
  const dtype = attributes["dtype"] as DataType;
  if (dtype === x.dtype) return backend.info(backend.symbol(x), x.shape, dtype);
  const symbol = backend.symbol(x);
  const to = elementType(dtype);
  if (symbol.kind === "fill") {
    const value =
      to === "int32" ? Math.trunc(symbol.value) : to === "bool" ? Number(symbol.value !== 0) : symbol.value;
    return backend.info({ ...symbol, value, type: to }, x.shape, dtype);
  }
  return node(backend, "Cast", [x], x.shape, dtype, { to: elementTypes[to] });
});

registerKernel("Identity", ({ inputs, backend }) => {
  const x = inputs["x"]!;
  return backend.info(backend.symbol(x), x.shape, x.dtype);
});

registerKernel("Select", ({ inputs, backend }) => {
  const condition = inputs["condition"]!;
  const t = inputs["t"]!;
  const e = inputs["e"]!;
  const names = [
    backend.name(condition),
    operand(backend, t, condition, t.shape),
    operand(backend, e, condition, t.shape),
  ];
  return backend.value(backend.builder.node("Where", names), t.shape, t.dtype);
});
