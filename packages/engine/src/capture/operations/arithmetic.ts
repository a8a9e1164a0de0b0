import type { TensorInfo } from "@tensorflow/tfjs";
import type { CaptureBackend } from "../backend/backend.ts";
import { elementTypes } from "../backend/graph.ts";
import {
  broadcastShape,
  cast,
  choose,
  elementwise,
  fill,
  node,
  numeric,
  sameShape,
  type Kernel,
  type KernelTable,
} from "../backend/kernel.ts";

/** An operand's name: a uniform constant is written as a scalar where broadcasting gives the same result. */
export function operandName(
  backend: CaptureBackend,
  x: TensorInfo,
  other: TensorInfo,
  shape: readonly number[],
): string {
  const symbol = backend.symbol(x);
  if (symbol.kind === "fill" && backend.symbol(other).kind !== "fill" && sameShape(other.shape, shape))
    return backend.builder.scalar(symbol.value, symbol.type);
  return backend.name(x);
}

function isFill(backend: CaptureBackend, x: TensorInfo, value: number): boolean {
  const symbol = backend.symbol(x);
  return symbol.kind === "fill" && symbol.value === value;
}

function binary(
  op: string,
  simplify?: (a: boolean, b: boolean) => "a" | "b" | undefined,
  neutral = 0,
): Kernel {
  return ({ inputs, backend }) => {
    const a = numeric(backend, inputs["a"]!);
    const b = numeric(backend, inputs["b"]!);
    const shape = broadcastShape(a.shape, b.shape);
    // x + 0, x * 1 and the like, which automatic differentiation writes a lot, are x.
    const kept = simplify?.(isFill(backend, a, neutral), isFill(backend, b, neutral));
    if (kept === "a" && sameShape(a.shape, shape)) return backend.info(backend.symbol(a), shape, a.dtype);
    if (kept === "b" && sameShape(b.shape, shape)) return backend.info(backend.symbol(b), shape, a.dtype);
    const names = [operandName(backend, a, b, shape), operandName(backend, b, a, shape)];
    return backend.value(backend.builder.node(op, names), shape, a.dtype);
  };
}

const eitherNeutral = (a: boolean, b: boolean): "a" | "b" | undefined => (b ? "a" : a ? "b" : undefined);
const rightNeutral = (_: boolean, b: boolean): "a" | undefined => (b ? "a" : undefined);

const quotient = binary("Div", rightNeutral, 1);

/**
 * floor(a / b) as int32. In float64, which holds every int32: an integer division by zero would end the process, and
 * ONNX' integer division rounds towards zero.
 */
const wholeDivision: Kernel = ({ inputs, backend }) => {
  const ratio = elementwise(backend, "Div", [wide(backend, inputs["a"]!), wide(backend, inputs["b"]!)]);
  return narrow(backend, node(backend, "Floor", [ratio], ratio.shape, ratio.dtype));
};

// Within a kernel only: tfjs knows no float64, so these tensors say float32.
function wide(backend: CaptureBackend, x: TensorInfo): TensorInfo {
  return node(backend, "Cast", [x], x.shape, "float32", { to: elementTypes.float64 });
}

function narrow(backend: CaptureBackend, x: TensorInfo): TensorInfo {
  return node(backend, "Cast", [x], x.shape, "int32", { to: elementTypes.int32 });
}

/** Arithmetic of two tensors that broadcast. */
export const arithmetic: KernelTable = {
  Add: binary("Add", eitherNeutral, 0),
  Sub: binary("Sub", rightNeutral, 0),
  Multiply: binary("Mul", eitherNeutral, 1),
  Maximum: binary("Max"),
  Minimum: binary("Min"),
  Pow: binary("Pow", rightNeutral, 1),
  BitwiseAnd: binary("BitwiseAnd"),
  RealDiv: (call) => (call.inputs["a"]!.dtype === "float32" ? quotient(call) : wholeDivision(call)),
  FloorDiv: wholeDivision,

  /** The remainder with the sign of b. ONNX' Mod has it for integers, where a zero would end the process. */
  Mod: ({ inputs, backend }) => {
    const { dtype } = inputs["a"]!;
    const [a, b] = ["a", "b"].map((key) =>
      dtype === "float32" ? inputs[key]! : wide(backend, inputs[key]!),
    );
    const remainder = (x: TensorInfo): TensorInfo => {
      const shape = broadcastShape(x.shape, b!.shape);
      return node(backend, "Mod", [x, b!], shape, x.dtype, { fmod: 1 });
    };
    const result = remainder(elementwise(backend, "Add", [remainder(a!), b!]));
    return dtype === "float32" ? result : narrow(backend, result);
  },

  SquaredDifference: (call) => {
    const difference = binary("Sub")(call) as TensorInfo;
    return node(call.backend, "Mul", [difference, difference], difference.shape, difference.dtype);
  },

  AddN: ({ inputs, backend }) => {
    const tensors = Object.values(inputs);
    const [first] = tensors;
    if (first!.dtype === "float32") return node(backend, "Sum", tensors, first!.shape, first!.dtype);
    // onnxruntime sums floats only.
    return tensors.reduce((sum, tensor) => elementwise(backend, "Add", [sum, tensor]));
  },

  /**
   * The angle of (b, a): r = atan(a / |b|) is right where b >= 0 and is reflected at the vertical axis elsewhere, so
   * pi - r for a >= 0 and -pi - r for a < 0. The origin has the angle 0.
   */
  Atan2: ({ inputs, backend }) => {
    const y = cast(backend, inputs["a"]!, "float32");
    const x = cast(backend, inputs["b"]!, "float32");
    const shape = broadcastShape(y.shape, x.shape);
    const ratio = elementwise(backend, "Div", [y, node(backend, "Abs", [x], x.shape, x.dtype)]);
    const level = elementwise(backend, "Equal", [y, 0], "bool");
    const finite = choose(backend, level, fill(backend, [], 0, "float32"), ratio, "float32");
    const angle = node(backend, "Atan", [finite], shape, "float32");
    const half = choose(backend, elementwise(backend, "Less", [y, 0], "bool"), -Math.PI, Math.PI, "float32");
    const reflected = elementwise(backend, "Sub", [half, angle]);
    return choose(backend, elementwise(backend, "Less", [x, 0], "bool"), reflected, angle, "float32");
  },
};
