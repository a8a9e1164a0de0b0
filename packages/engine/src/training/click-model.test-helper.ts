import { tf, type Batch, type Program } from "../index.ts";
import { createGenerator } from "@corella/random";

/** For tests of training: two tables, one of them looked up twice, and a layer: logistic regression of pooled rows, with dropout. */
export const clickProgram: Program = {
  params: { w: { shape: [8, 1], init: { kind: "xavierNormal" } } },
  tables: {
    item: { rows: 60, dim: 4, init: { kind: "normal", std: 0.5 } },
    user: { rows: 40, dim: 4, init: { kind: "normal", std: 0.5 }, paddingRow: false },
  },
  inputs: {
    item: { shape: ["batch"], dtype: "int32" },
    history: { shape: ["batch", 2], dtype: "int32" },
    user: { shape: ["batch"], dtype: "int32" },
    label: { shape: ["batch"], dtype: "float32" },
  },
  forward(scope) {
    const history = tf.mean(scope.lookup("item", scope.input("history")), 1);
    const item = tf.add(scope.lookup("item", scope.input("item")), history);
    const both = scope.dropout(tf.concat([item, scope.lookup("user", scope.input("user"))], 1), 0.25);
    const logit = tf.reshape(tf.matMul(both, scope.param("w")), [-1]);
    return {
      loss: tf.mean(tf.sub(tf.softplus(logit), tf.mul(logit, scope.input("label")))),
      outputs: { logit },
    };
  },
};

export function clicks(step: number): Batch {
  const random = createGenerator(9, "clicks", step);
  const ids = (length: number, limit: number): Int32Array =>
    Int32Array.from({ length }, () => Math.floor(limit * random.uniform() ** 3));
  return {
    item: { shape: [6], data: ids(6, 60) },
    history: { shape: [6, 2], data: ids(12, 60) },
    user: { shape: [6], data: ids(6, 40) },
    label: { shape: [6], data: Float32Array.from({ length: 6 }, () => random.integer(2)) },
  };
}
