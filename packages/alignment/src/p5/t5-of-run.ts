import { resolve } from "node:path";
import { trainTokenizer } from "@corella/llm";
import { loadT5, wholeWordTable, type T5Config, type T5Model } from "@corella/llm/encoders";
import type { ScratchT5Config } from "../config/t5-config.ts";
import type { Run } from "../run.ts";

/**
 * The T5 that `t5` of the configuration names, with the values that it begins with; those that are absent are drawn.
 * @param corpus texts of which a tokenizer is made where the T5 is from scratch
 * @throws CorellaError those of `loadT5`
 */
export async function t5OfRun(
  { config: { t5 }, baseFolder }: Pick<Run, "config" | "baseFolder">,
  corpus: readonly string[],
): Promise<T5Model> {
  if (t5.kind === "scratch") {
    const tokenizer = await trainTokenizer(corpus, { vocabularySize: t5.vocabularySize, digits: "together" });
    return { config: scratchConfig(t5, tokenizer.vocabularySize), values: {}, tokenizer };
  }
  const { config, values, tokenizer } = await loadT5(resolve(baseFolder, t5.folder));
  if (t5.wholeWords === 0 || config.wholeWords > 0) {
    const { [wholeWordTable]: table, ...others } = values;
    const kept = t5.wholeWords === 0 ? others : { ...others, [wholeWordTable]: table! };
    return { config: { ...config, wholeWords: t5.wholeWords && config.wholeWords }, values: kept, tokenizer };
  }
  // Zeros: the model begins as it came, and learns them.
  const table = new Float32Array(t5.wholeWords * config.hiddenSize);
  return {
    config: { ...config, wholeWords: t5.wholeWords },
    values: { ...values, [wholeWordTable]: table },
    tokenizer,
  };
}

/** The tokenizers of `trainTokenizer` have these ids. */
const ids = { padTokenId: 0, startTokenId: 0, endTokenId: 2 };

function scratchConfig(t5: ScratchT5Config, vocabularySize: number): T5Config {
  return {
    ...ids,
    vocabularySize,
    hiddenSize: t5.hiddenSize,
    headDim: t5.hiddenSize / t5.heads,
    heads: t5.heads,
    intermediateSize: t5.feedForwardSize,
    encoderLayers: t5.layers,
    decoderLayers: t5.layers,
    relativeBuckets: 32,
    relativeMaxDistance: 128,
    feedForward: { activation: "relu", gated: false },
    layerNormEpsilon: 1e-6,
    tieWordEmbeddings: true,
    scaleDecoderOutputs: true,
    wholeWords: t5.wholeWords,
  };
}
