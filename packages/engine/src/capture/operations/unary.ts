import type { DataType, TensorInfo } from "@tensorflow/tfjs";
import { elementType, type CaptureBackend } from "../backend/backend.ts";
import { cast, choose, elementwise, node, numeric, registerKernel } from "../backend/kernel.ts";

/** Operations of real numbers, by the ONNX operator that computes them. */
const ofReals: Record<string, string> = {
  Exp: "Exp",
  Log: "Log",
  Sqrt: "Sqrt",
  Reciprocal: "Reciprocal",
  Sigmoid: "Sigmoid",
  Tanh: "Tanh",
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
  Asinh: "Asinh",
  Acosh: "Acosh",
  Atanh: "Atanh",
  Elu: "Elu",
  Selu: "Selu",
};
for (const [kernel, op] of Object.entries(ofReals)) {
  registerKernel(kernel, ({ inputs, backend }) => {
    const x = cast(backend, inputs["x"]!, "float32");
    return node(backend, op, [x], x.shape, "float32");
  });
}

/** Operations that leave integers as they are. */
for (const op of ["Floor", "Ceil", "Round"]) {
  registerKernel(op, ({ inputs, backend }) => {
    const x = numeric(backend, inputs["x"]!);
    return x.dtype === "float32" ? node(backend, op, [x], x.shape, x.dtype) : x;
  });
}

for (const op of ["Abs", "Neg", "Relu"]) {
  registerKernel(op, ({ inputs, backend }) => {
    const x = numeric(backend, inputs["x"]!);
    return node(backend, op, [x], x.shape, x.dtype);
  });
}

registerKernel("Square", ({ inputs, backend }) => {
  const x = numeric(backend, inputs["x"]!);
  return node(backend, "Mul", [x, x], x.shape, x.dtype);
});

registerKernel("Rsqrt", ({ inputs, backend }) => {
  const x = cast(backend, inputs["x"]!, "float32");
  return node(backend, "Reciprocal", [node(backend, "Sqrt", [x], x.shape, x.dtype)], x.shape, x.dtype);
});

registerKernel("Log1p", ({ inputs, backend }) => {
  const sum = elementwise(backend, "Add", [cast(backend, inputs["x"]!, "float32"), 1]);
  return node(backend, "Log", [sum], sum.shape, sum.dtype);
});

registerKernel("Expm1", ({ inputs, backend }) => {
  const x = cast(backend, inputs["x"]!, "float32");
  return elementwise(backend, "Sub", [node(backend, "Exp", [x], x.shape, x.dtype), 1]);
});

/** -1, 0 or 1, and 0 for NaN, which ONNX's Sign would propagate. */
registerKernel("Sign", ({ inputs, backend }) => {
  const x = numeric(backend, inputs["x"]!);
  if (x.dtype === "int32") return node(backend, "Sign", [x], x.shape, x.dtype);
  const positive = cast(backend, elementwise(backend, "Greater", [x, 0], "bool"), "float32");
  const negative = cast(backend, elementwise(backend, "Less", [x, 0], "bool"), "float32");
  return elementwise(backend, "Sub", [positive, negative]);
});

registerKernel("LeakyRelu", ({ inputs, attributes, backend }) =>
  leakyRelu(backend, inputs["x"]!, attributes["alpha"] as number),
);

export function leakyRelu(backend: CaptureBackend, input: TensorInfo, alpha: number): TensorInfo {
  const x = cast(backend, input, "float32");
  return node(backend, "LeakyRelu", [x], x.shape, "float32", { alpha: { float: alpha } });
}

registerKernel("Prelu", ({ inputs, backend }) => prelu(backend, inputs["x"]!, inputs["alpha"]!));

export function prelu(backend: CaptureBackend, x: TensorInfo, alpha: TensorInfo): TensorInfo {
  return elementwise(backend, "PRelu", [cast(backend, x, "float32"), cast(backend, alpha, "float32")]);
}

/** dy where y >= 0, dy (y + 1) elsewhere: for y = exp(x) - 1, the derivative exp(x) is y + 1. */
registerKernel("EluGrad", ({ inputs, backend }) => {
  const dy = inputs["dy"]!;
  const y = inputs["y"]!;
  const falling = elementwise(backend, "Mul", [dy, elementwise(backend, "Add", [y, 1])]);
  return choose(backend, elementwise(backend, "GreaterOrEqual", [y, 0], "bool"), dy, falling, "float32");
});

registerKernel("Relu6", ({ inputs, backend }) => clip(backend, inputs["x"]!, 0, 6));
registerKernel("ClipByValue", ({ inputs, attributes, backend }) =>
  clip(backend, inputs["x"]!, attributes["clipValueMin"] as number, attributes["clipValueMax"] as number),
);

export function clip(backend: CaptureBackend, input: TensorInfo, low: number, high: number): TensorInfo {
  const x = numeric(backend, input);
  const type = elementType(x.dtype);
  const bounds = [backend.builder.scalar(low, type), backend.builder.scalar(high, type)];
  return backend.value(backend.builder.node("Clip", [backend.name(x), ...bounds]), x.shape, x.dtype);
}

/** 1 where x > 0, alpha elsewhere, NaN where x is: tfjs' derivative of relu. */
registerKernel("Step", ({ inputs, attributes, backend }) => {
  const x = numeric(backend, inputs["x"]!);
  const alpha = (attributes["alpha"] as number | undefined) ?? 0;
  const positive = elementwise(backend, "Greater", [x, 0], "bool");
  const step = alpha === 0 ? cast(backend, positive, x.dtype) : choose(backend, positive, 1, alpha, x.dtype);
  // The derivative of relu, from its result: the most frequent use, where a NaN shows in the result already.
  if (x.dtype === "int32" || backend.producer(x)?.op === "Relu") return step;
  return choose(backend, node(backend, "IsNaN", [x], x.shape, "bool"), x, step, "float32");
});

registerKernel("Cast", ({ inputs, attributes, backend }) =>
  cast(backend, inputs["x"]!, attributes["dtype"] as DataType),
);

registerKernel("Identity", ({ inputs, backend }) => {
  const x = inputs["x"]!;
  return backend.info(backend.symbol(x), x.shape, x.dtype);
});
