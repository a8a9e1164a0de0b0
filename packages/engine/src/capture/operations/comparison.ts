import type { TensorInfo } from "@tensorflow/tfjs";
import type { CaptureBackend } from "../backend/backend.ts";
import { operandName } from "./arithmetic.ts";
import {
  broadcastShape,
  cast,
  elementwise,
  node,
  numeric,
  registerKernel,
  type Kernel,
} from "../backend/kernel.ts";

function compare(backend: CaptureBackend, op: string, left: TensorInfo, right: TensorInfo): TensorInfo {
  const shape = broadcastShape(left.shape, right.shape);
  const names = [operandName(backend, left, right, shape), operandName(backend, right, left, shape)];
  return backend.value(backend.builder.node(op, names), shape, "bool");
}

const numberComparison =
  (op: string): Kernel =>
  ({ inputs, backend }) =>
    compare(backend, op, numeric(backend, inputs["a"]!), numeric(backend, inputs["b"]!));

for (const [kernel, op] of Object.entries({
  Greater: "Greater",
  GreaterEqual: "GreaterOrEqual",
  Less: "Less",
  LessEqual: "LessOrEqual",
  Equal: "Equal",
})) {
  registerKernel(kernel, numberComparison(op));
}

registerKernel("NotEqual", (call) => {
  const equal = numberComparison("Equal")(call) as TensorInfo;
  return node(call.backend, "Not", [equal], equal.shape, "bool");
});

for (const [kernel, op] of Object.entries({ LogicalAnd: "And", LogicalOr: "Or" })) {
  registerKernel(kernel, ({ inputs, backend }) =>
    compare(backend, op, cast(backend, inputs["a"]!, "bool"), cast(backend, inputs["b"]!, "bool")),
  );
}

registerKernel("LogicalNot", ({ inputs, backend }) => {
  const x = cast(backend, inputs["x"]!, "bool");
  return node(backend, "Not", [x], x.shape, "bool");
});

for (const [kernel, op] of Object.entries({ IsNan: "IsNaN", IsInf: "IsInf" })) {
  registerKernel(kernel, ({ inputs, backend }) => {
    const x = cast(backend, inputs["x"]!, "float32");
    return node(backend, op, [x], x.shape, "bool");
  });
}

/** NaN is not less than anything. */
registerKernel("IsFinite", ({ inputs, backend }) => {
  const x = cast(backend, inputs["x"]!, "float32");
  return elementwise(backend, "Less", [node(backend, "Abs", [x], x.shape, x.dtype), Infinity], "bool");
});

registerKernel("Select", ({ inputs, backend }) => {
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
});
