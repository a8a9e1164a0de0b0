import type { Batch, Program, Runtime } from "@corella/engine";
import { t5, t5Answers, type T5Config } from "@corella/llm/encoders";
import type { Subject } from "../contestant.ts";
import type { TokenShape } from "./llama.ts";
import { elements, integers, rotating, sequences } from "./random-batches.ts";

/** A step of all weights of a T5 with whole-word embeddings, on prompts and answers of random tokens. */
export async function t5Step(
  runtime: Runtime,
  config: T5Config,
  { batch, time, answer }: TokenShape & { readonly answer: number },
  learningRate: number,
): Promise<Subject> {
  const part = t5(config, { answers: { yes: 5, no: 6 } });
  const program: Program = {
    ...part,
    inputs: {
      ...part.inputs,
      targets: { shape: ["batch", "answer"], dtype: "int32" },
      shares: { shape: ["batch", "answer"], dtype: "float32" },
    },
    forward(scope) {
      const { loss } = part.forward(scope);
      return { loss: loss(scope.input("targets"), scope.input("shares")), outputs: {} };
    },
  };
  const trainer = await runtime.train(program, {
    seed: 1,
    clipNorm: 1,
    optimizer: { kind: "adamw", learningRate, weightDecay: 0.01 },
  });
  const shape = [batch, time];
  const next = rotating((i): Batch => ({
    tokens: integers(shape, 3, config.vocabularySize, `t5/${i}`),
    visible: { shape, data: new Int32Array(batch * time).fill(1) },
    index: { shape: [time], data: Int32Array.from({ length: time }, (_, place) => place) },
    words: integers(shape, 1, config.wholeWords, `t5/words/${i}`),
    ...t5Answers(sequences(batch, answer, config.vocabularySize, `t5/answers/${i}`), config),
  }));
  return {
    step: () => trainer.step(next()),
    parameters: elements(program),
    dispose: () => trainer.dispose(),
  };
}
