import { tf, type Program, type Runtime } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { decoder, openPretrained, prepareTokens } from "@corella/llm";

/** Vectors of texts, [texts, width], one after another. */
export interface TextVectors {
  readonly width: number;
  readonly values: Float32Array;
}

/** Which hidden states, and who is told of the texts that are done. */
export interface HiddenMeansOptions {
  /** The block whose output is taken, from 1; those above it are not computed. */
  readonly block: number;
  readonly runtime: Runtime;
  done?(texts: number): void;
}

/**
 * The mean over each text's tokens of a decoder's hidden states after one block. Each token's state is first scaled to a
 * root mean square of 1: the first token's is hundreds of times as long as the others' in most models (Sun et al., Massive
 * Activations in Large Language Models, 2024), and a plain mean would tell little but the number of tokens.
 * @param source a model folder, a .gguf file or `hf:owner/name`
 * @throws CorellaError `vectors/block`, `vectors/no-tokenizer`, and those of `openPretrained`
 */
export async function hiddenMeans(
  source: string,
  texts: readonly string[],
  { block, runtime, done }: HiddenMeansOptions,
): Promise<TextVectors> {
  const { config, tokenizer, weights } = await openPretrained(source);
  try {
    if (!(Number.isInteger(block) && block >= 1 && block < config.layers)) {
      throw new CorellaError({
        code: "vectors/block",
        message: `The model has no block ${block} with another above it; it has ${config.layers}.`,
        place: "block",
        remedy: `Name one from 1 to ${config.layers - 1}; two thirds up is a good place.`,
      });
    }
    if (tokenizer === undefined) {
      throw new CorellaError({
        code: "vectors/no-tokenizer",
        message: "The language model has no tokenizer.json.",
        place: source,
        remedy: "Add the tokenizer.json that came with the model.",
      });
    }
    // A decoder that ends one block higher: nothing is asked of that block, so it is not computed.
    const lower = decoder(
      { ...config, layers: block + 1 },
      { answers: { yes: 0, no: 0 }, allPositions: true },
    );
    const program: Program = {
      ...lower,
      forward(scope) {
        const states = lower.forward(scope).sequenceStates![block]!;
        const visible = tf.expandDims(tf.cast(scope.input("visible"), "float32"), 2);
        const scale = tf.rsqrt(tf.add(tf.mean(tf.square(states), 2, true), 1e-12));
        const sum = tf.sum(tf.mul(tf.mul(states, scale), visible), 1);
        return { outputs: { mean: tf.div(sum, tf.sum(visible, 1)) } };
      },
    };
    const width = config.hiddenSize;
    const values = new Float32Array(texts.length * width);
    const { batches } = await prepareTokens(texts, tokenizer, {
      maxTokens: config.maxPositions,
      overlong: "cut",
    });
    const inference = await runtime.infer(program, weights);
    try {
      let finished = 0;
      for (const { feeds, rows } of batches) {
        const means = (await inference.run(feeds))["mean"]!.data as Float32Array;
        for (const [i, row] of rows.entries())
          values.set(means.subarray(i * width, (i + 1) * width), row * width);
        done?.((finished += rows.length));
      }
    } finally {
      await inference.dispose();
    }
    return { width, values };
  } finally {
    await weights.close();
  }
}
