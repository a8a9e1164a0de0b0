import { readFileSync } from "node:fs";
import { join } from "node:path";
import { eagerRuntime, onnxRuntime, tf, type Program, type Values } from "@corella/engine";
import { parseSafetensors, toFloat32 } from "@corella/safetensors";
import { expect, test } from "vitest";
import { answerDifference, answerLoss, answerScorings } from "./losses.ts";

const { tensors } = parseSafetensors(
  readFileSync(join(import.meta.dirname, "../goldens/answers.safetensors")),
);
const recorded = (name: string): Float32Array => toFloat32(tensors.get(name)!);

/** The tokens of `tooling/reference/make_answer_goldens.py`. */
const answers = { yes: 3, no: 8 };

/** What a decoder says last is a parameter, so that it has gradients too. @param tokens of each answer */
function program(tokens: readonly (readonly number[])[]): Program {
  const spec = (name: string) => ({ shape: tensors.get(name)!.shape, init: { kind: "zeros" as const } });
  return {
    params: { hidden: spec("hidden"), head: spec("head") },
    tables: {},
    inputs: {},
    forward(scope) {
      const [hidden, head] = [scope.param("hidden"), scope.param("head")];
      const logitsLast = (): tf.Tensor => tf.matMul(hidden, head, false, true);
      const ofAnswers = tokens.map((ids) =>
        tf.logSumExp(tf.gather(logitsLast(), tf.tensor1d([...ids], "int32"), 1), 1, true),
      );
      const output = { hiddenStates: [hidden], head, yesNoLogits: tf.concat(ofAnswers, 1), logitsLast };
      return {
        loss: answerLoss(output, tf.tensor1d(recorded("labels")), answers),
        outputs: Object.fromEntries(
          answerScorings.map((scoring) => [scoring, answerDifference(output, scoring)]),
        ),
      };
    },
  };
}

const values: Values = { hidden: recorded("hidden"), head: recorded("head") };

for (const runtime of [onnxRuntime(), eagerRuntime("cpu")]) {
  test(`the loss on the answer's token and its gradients equal the recorded ones on ${runtime.name}`, async () => {
    const run = await runtime.gradients(program([[answers.yes], [answers.no]]), values);
    const { loss, gradients } = await run.run({});
    await run.dispose();
    expect(loss).toBeCloseTo(recorded("loss")[0]!, 5);
    for (const name of ["hidden", "head"])
      recorded(`gradient/${name}`).forEach((value, i) =>
        expect(gradients[name]![i], `${name}[${i}]`).toBeCloseTo(value, 5),
      );
  });

  test.each([
    ["single", [[3], [8]]],
    [
      "variants",
      [
        [3, 1],
        [8, 10],
      ],
    ],
  ])(`both scores of answers (%s) equal the recorded ones on ${runtime.name}`, async (name, tokens) => {
    const inference = await runtime.infer(program(tokens), values);
    const outputs = await inference.run({});
    await inference.dispose();
    for (const scoring of answerScorings)
      recorded(`${name}/${scoring}`).forEach((value, row) =>
        expect(1 / (1 + Math.exp(-outputs[scoring]!.data[row]!)), `${scoring}[${row}]`).toBeCloseTo(value, 5),
      );
  });
}
