import type { TensorInfo } from "@tensorflow/tfjs";
import type { CaptureBackend } from "../backend/backend.ts";
import { operandName } from "./arithmetic.ts";
import {
  broadcastShape,
  cast,
  elementwise,
  node,
  numeric,
  type Kernel,
  type KernelTable,
} from "../backend/kernel.ts";

function compare(backend: CaptureBackend, op: string, left: TensorInfo, right: TensorInfo): TensorInfo {
  const shape = broadcastShape(left.shape, right.shape);
  const names = [operandName(backend, left, right, shape), operandName(backend, right, left, shape)];
  return backend.value(backend.builder.node(op, names), shape, "bool");
}

function numbers(op: string): Kernel {
  return ({ inputs, backend }) =>
    compare(backend, op, numeric(backend, inputs["a"]!), numeric(backend, inputs["b"]!));
}

function logical(op: string): Kernel {
  return ({ inputs, backend }) =>
    compare(backend, op, cast(backend, inputs["a"]!, "bool"), cast(backend, inputs["b"]!, "bool"));
}

function kindOfNumber(op: string): Kernel {
  return ({ inputs, backend }) => {
    const x = cast(backend, inputs["x"]!, "float32");
    return node(backend, op, [x], x.shape, "bool");
  };
}

/** Comparisons, logic and choice. */
export const comparison: KernelTable = {
  Greater: numbers("Greater"),
  GreaterEqual: numbers("GreaterOrEqual"),
  Less: numbers("Less"),
  LessEqual: numbers("LessOrEqual"),
  Equal: numbers("Equal"),

  NotEqual: (call) => {
    const equal = numbers("Equal")(call) as TensorInfo;
    return node(call.backend, "Not", [equal], equal.shape, "bool");
  },

  LogicalAnd: logical("And"),
  LogicalOr: logical("Or"),

  LogicalNot: ({ inputs, backend }) => {
    const x = cast(backend, inputs["x"]!, "bool");
    return node(backend, "Not", [x], x.shape, "bool");
  },

  IsNan: kindOfNumber("IsNaN"),
  IsInf: kindOfNumber("IsInf"),

  /** NaN is not less than anything. */
  IsFinite: ({ inputs, backend }) => {
    const x = cast(backend, inputs["x"]!, "float32");
    return elementwise(backend, "Less", [node(backend, "Abs", [x], x.shape, x.dtype), Infinity], "bool");
  },

  Select: ({ inputs, backend }) => {
    const condition = inputs["condition"]!;
    // onnxruntime chooses among numbers, not bits.
    const then = numeric(backend, inputs["t"]!);
    const otherwise = numeric(backend, inputs["e"]!);
    const names = [
      backend.name(condition),
      operandName(backend, then, condition, then.shape),
      operandName(backend, otherwise, condition, then.shape),
    ];
    const chosen = backend.value(backend.builder.node("Where", names), then.shape, then.dtype);
    return cast(backend, chosen, inputs["t"]!.dtype);
  },
};
