import type { DataType, TensorInfo } from "@tensorflow/tfjs";
import { elementType, type CaptureBackend } from "../backend/backend.ts";
import {
  cast,
  choose,
  elementwise,
  node,
  numeric,
  type Kernel,
  type KernelTable,
} from "../backend/kernel.ts";

/** An operation of real numbers that one ONNX operator computes. */
function real(op: string): Kernel {
  return ({ inputs, backend }) => {
    const x = cast(backend, inputs["x"]!, "float32");
    return node(backend, op, [x], x.shape, "float32");
  };
}

/** An operation that leaves integers as they are. */
function rounding(op: string): Kernel {
  return ({ inputs, backend }) => {
    const x = numeric(backend, inputs["x"]!);
    return x.dtype === "float32" ? node(backend, op, [x], x.shape, x.dtype) : x;
  };
}

/** An operation of numbers, integers or not, that one ONNX operator computes. */
function number(op: string): Kernel {
  return ({ inputs, backend }) => {
    const x = numeric(backend, inputs["x"]!);
    return node(backend, op, [x], x.shape, x.dtype);
  };
}

/** x where x > 0, alpha x elsewhere (Maas et al. 2013). */
export function leakyRelu(backend: CaptureBackend, input: TensorInfo, alpha: number): TensorInfo {
  const x = cast(backend, input, "float32");
  return node(backend, "LeakyRelu", [x], x.shape, "float32", { alpha: { float: alpha } });
}

/** x where x > 0, alpha x elsewhere, with an alpha that broadcasts (He et al. 2015). */
export function prelu(backend: CaptureBackend, x: TensorInfo, alpha: TensorInfo): TensorInfo {
  return elementwise(backend, "PRelu", [cast(backend, x, "float32"), cast(backend, alpha, "float32")]);
}

/** x, no lower than `low` and no higher than `high`. */
export function clip(backend: CaptureBackend, input: TensorInfo, low: number, high: number): TensorInfo {
  const x = numeric(backend, input);
  const type = elementType(x.dtype);
  const bounds = [backend.builder.scalar(low, type), backend.builder.scalar(high, type)];
  return backend.value(backend.builder.node("Clip", [backend.name(x), ...bounds]), x.shape, x.dtype);
}

/** Functions of each element, and casts. */
export const unary: KernelTable = {
  Exp: real("Exp"),
  Log: real("Log"),
  Sqrt: real("Sqrt"),
  Reciprocal: real("Reciprocal"),
  Sigmoid: real("Sigmoid"),
  Tanh: real("Tanh"),
  Softplus: real("Softplus"),
  Erf: real("Erf"),
  Sin: real("Sin"),
  Cos: real("Cos"),
  Tan: real("Tan"),
  Asin: real("Asin"),
  Acos: real("Acos"),
  Atan: real("Atan"),
  Sinh: real("Sinh"),
  Cosh: real("Cosh"),
  Asinh: real("Asinh"),
  Acosh: real("Acosh"),
  Atanh: real("Atanh"),
  Elu: real("Elu"),
  Selu: real("Selu"),
  Floor: rounding("Floor"),
  Ceil: rounding("Ceil"),
  Round: rounding("Round"),
  Abs: number("Abs"),
  Neg: number("Neg"),
  Relu: number("Relu"),

  Square: ({ inputs, backend }) => {
    const x = numeric(backend, inputs["x"]!);
    return node(backend, "Mul", [x, x], x.shape, x.dtype);
  },

  Rsqrt: ({ inputs, backend }) => {
    const x = cast(backend, inputs["x"]!, "float32");
    return node(backend, "Reciprocal", [node(backend, "Sqrt", [x], x.shape, x.dtype)], x.shape, x.dtype);
  },

  Log1p: ({ inputs, backend }) => {
    const sum = elementwise(backend, "Add", [cast(backend, inputs["x"]!, "float32"), 1]);
    return node(backend, "Log", [sum], sum.shape, sum.dtype);
  },

  Expm1: ({ inputs, backend }) => {
    const x = cast(backend, inputs["x"]!, "float32");
    return elementwise(backend, "Sub", [node(backend, "Exp", [x], x.shape, x.dtype), 1]);
  },

  /** -1, 0 or 1, and 0 for NaN, which ONNX's Sign would propagate. */
  Sign: ({ inputs, backend }) => {
    const x = numeric(backend, inputs["x"]!);
    if (x.dtype === "int32") return node(backend, "Sign", [x], x.shape, x.dtype);
    const positive = cast(backend, elementwise(backend, "Greater", [x, 0], "bool"), "float32");
    const negative = cast(backend, elementwise(backend, "Less", [x, 0], "bool"), "float32");
    return elementwise(backend, "Sub", [positive, negative]);
  },

  LeakyRelu: ({ inputs, attributes, backend }) =>
    leakyRelu(backend, inputs["x"]!, attributes["alpha"] as number),

  Prelu: ({ inputs, backend }) => prelu(backend, inputs["x"]!, inputs["alpha"]!),

  /** dy where y >= 0, dy (y + 1) elsewhere: for y = exp(x) - 1, the derivative exp(x) is y + 1. */
  EluGrad: ({ inputs, backend }) => {
    const dy = inputs["dy"]!;
    const y = inputs["y"]!;
    const falling = elementwise(backend, "Mul", [dy, elementwise(backend, "Add", [y, 1])]);
    return choose(backend, elementwise(backend, "GreaterOrEqual", [y, 0], "bool"), dy, falling, "float32");
  },

  Relu6: ({ inputs, backend }) => clip(backend, inputs["x"]!, 0, 6),

  ClipByValue: ({ inputs, attributes, backend }) =>
    clip(backend, inputs["x"]!, attributes["clipValueMin"] as number, attributes["clipValueMax"] as number),

  /** 1 where x > 0, alpha elsewhere, NaN where x is: tfjs' derivative of relu. */
  Step: ({ inputs, attributes, backend }) => {
    const x = numeric(backend, inputs["x"]!);
    const alpha = (attributes["alpha"] as number | undefined) ?? 0;
    const positive = elementwise(backend, "Greater", [x, 0], "bool");
    const step =
      alpha === 0 ? cast(backend, positive, x.dtype) : choose(backend, positive, 1, alpha, x.dtype);
    // The derivative of relu, from its result: the most frequent use, where a NaN shows in the result already.
    if (x.dtype === "int32" || backend.producer(x)?.op === "Relu") return step;
    return choose(backend, node(backend, "IsNaN", [x], x.shape, "bool"), x, step, "float32");
  },

  Cast: ({ inputs, attributes, backend }) => cast(backend, inputs["x"]!, attributes["dtype"] as DataType),

  Identity: ({ inputs, backend }) => {
    const x = inputs["x"]!;
    return backend.info(backend.symbol(x), x.shape, x.dtype);
  },
};
