import { tf, type Batch, type Feed, type Program, type Runtime } from "@corella/engine";
import { paddedFeeds } from "@corella/llm";
import { bertEncoder, type BertConfig } from "@corella/llm/encoders";
import { createGenerator } from "@corella/random";
import type { Subject } from "../contestant.ts";
import type { TokenShape } from "./llama.ts";
import { elements, rotating, sequences } from "./random-batches.ts";

/** A step of all weights of a BERT: the mean of each text's states is to find its own vector among those of the batch, and they it. */
export async function bertStep(
  runtime: Runtime,
  config: BertConfig,
  { batch, time }: TokenShape,
  learningRate: number,
): Promise<Subject> {
  const encoder = bertEncoder({ ...config, pooler: false });
  const program: Program = {
    ...encoder,
    inputs: { ...encoder.inputs, vectors: { shape: ["batch", config.hiddenSize], dtype: "float32" } },
    forward(scope) {
      const { meanPooled } = encoder.forward(scope);
      const vectors = scope.input("vectors");
      const similar = tf.div(
        tf.matMul(meanPooled as never, vectors as never, false, true),
        Math.sqrt(config.hiddenSize),
      );
      const own = tf.div(tf.sum(tf.mul(meanPooled, vectors), 1), Math.sqrt(config.hiddenSize));
      const found = tf.mul(tf.add(tf.logSumExp(similar, 1), tf.logSumExp(similar, 0)), 0.5);
      return { loss: tf.mean(tf.sub(found, own)), outputs: {} };
    },
  };
  const trainer = await runtime.train(program, {
    seed: 1,
    optimizer: { kind: "adamw", learningRate, weightDecay: 0.01 },
  });
  const next = rotating((i): Batch => ({
    ...paddedFeeds(sequences(batch, time, config.vocabularySize, `bert/${i}`)),
    vectors: normal([batch, config.hiddenSize], i),
  }));
  return {
    step: () => trainer.step(next()),
    parameters: elements(program),
    dispose: () => trainer.dispose(),
  };
}

function normal(shape: readonly [number, number], index: number): Feed {
  const random = createGenerator(1, `vectors/${index}`);
  return { shape, data: Float32Array.from({ length: shape[0] * shape[1] }, () => random.normal()) };
}
