// What a consumer writes: packages by their names, with types, run by plain Node from the installed tarballs.
import { onnxRuntime, tf, type Program } from "@corella/engine";
import { outputDifferences } from "@corella/engine/testing";
import { CorellaError, formatError } from "@corella/errors";
import { auc } from "@corella/metrics";
import { float32Tensor, parseSafetensors, serializeSafetensors } from "@corella/safetensors";

function expectEqual(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Error(`${what}: expected ${String(expected)}, got ${String(actual)}`);
}

const mistake = new CorellaError({ code: "consumer/example", message: "A mistake.", remedy: "mend it" });
expectEqual(formatError(mistake), "error [consumer/example] A mistake.\n  try: mend it", "errors");

// Of the four pairs of a positive and a negative, three are in order.
expectEqual(auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]), 0.75, "metrics");

const file = parseSafetensors(serializeSafetensors({ weight: float32Tensor([2], Float32Array.of(1, 2)) }));
expectEqual([...file.tensors.keys()].join(), "weight", "safetensors");

/** Logistic regression: w [2], from zero, so the first loss is ln 2 and the gradient of one positive is -x / 2. */
const program: Program = {
  params: { w: { shape: [2, 1], init: { kind: "zeros" } } },
  tables: {},
  inputs: {
    x: { shape: ["batch", 2], dtype: "float32" },
    label: { shape: ["batch"], dtype: "float32" },
  },
  forward(scope) {
    const logit = tf.reshape(tf.matMul(scope.input("x"), scope.param("w")), [-1]);
    const loss = tf.mean(tf.sub(tf.softplus(logit), tf.mul(logit, scope.input("label"))));
    return { loss, outputs: { logit } };
  },
};
const runtime = onnxRuntime({ threads: 1 });
const trainer = await runtime.train(program, { seed: 1, optimizer: { kind: "sgd", learningRate: 1 } });
const { loss } = await trainer.step({
  x: { shape: [1, 2], data: Float32Array.of(1, 2) },
  label: { shape: [1], data: Float32Array.of(1) },
});
expectEqual(Math.abs(loss - Math.LN2) < 1e-6, true, "engine: the loss is ln 2");
expectEqual([...trainer.values["w"]!].join(), "0.5,1", "engine: one step");
await trainer.dispose();
const [one, two] = [1, 2].map((value) => ({ y: { shape: [1], data: Float32Array.of(value) } }));
expectEqual(outputDifferences(one!, two!)["y"]!.largest, 1, "engine/testing");

console.log("consumer: all calls gave what they should");
