import { cosineSchedule, type PhaseSpec, type Runtime, type Values } from "@corella/engine";
import { createGenerator, permutation } from "@corella/random";
import {
  chatTokenizer,
  chunkBatch,
  languageModelProgram,
  loadPretrained,
  packDocuments,
  tinyLlamaConfig,
  trainTokenizer,
  type DecoderConfig,
  type TextTokenizer,
} from "@corella/llm";
import { CorellaError } from "@corella/errors";
import type { PromptConfig } from "@corella/modality";
import type { RunConfig, ScratchConfig } from "./config.ts";
import { pretrainingTexts, type PreparedData } from "./data.ts";

/** A decoder before any tuning. */
export interface BaseLlm {
  readonly config: DecoderConfig;
  readonly tokenizer: TextTokenizer;
  readonly values: Values;
}

/** Longest context of a decoder from scratch, in tokens. */
const scratchContext = 512;

/**
 * A decoder from a folder, or from the hub.
 * @param folder or `hf:owner/name` @param chat prompts in the model's own chat format
 * @param note says what is being fetched
 */
export async function loadBase(
  folder: string,
  chat: boolean,
  note?: (text: string) => void,
): Promise<BaseLlm> {
  let fetching = "";
  const { config, values, tokenizer } = await loadPretrained(folder, {
    onProgress({ file, totalBytes }) {
      if (file === fetching) return;
      fetching = file;
      note?.(`Fetching ${file} (${Math.ceil(totalBytes / 1e6)} MB)`);
    },
  });
  if (tokenizer === undefined) {
    throw new CorellaError({
      code: "config/no-tokenizer",
      message: "The language model has no tokenizer.json.",
      place: folder,
      remedy: "Add the tokenizer.json that came with the model.",
    });
  }
  return { config, values, tokenizer: chat ? await chatTokenizer(tokenizer) : tokenizer };
}

/** The shape and the tokenizer of a decoder from scratch; the same for the same data and configuration. */
export async function designScratch(
  texts: readonly string[],
  scratch: ScratchConfig,
  template: string,
): Promise<Pick<BaseLlm, "config" | "tokenizer">> {
  // The prompt's own words and both answers belong to the vocabulary too.
  const answers = [`${template}Yes`, `${template}No`];
  const tokenizer = await trainTokenizer([...texts, ...answers], { vocabularySize: scratch.vocabularySize });
  const config = tinyLlamaConfig({
    vocabularySize: tokenizer.vocabularySize,
    hiddenSize: scratch.hiddenSize,
    layers: scratch.layers,
    heads: scratch.heads,
    keyValueHeads: scratch.keyValueHeads,
    intermediateSize: scratch.feedForwardSize,
    maxPositions: scratchContext,
  });
  return { config, tokenizer };
}

/** Pre-training: next-token prediction on the texts. */
export async function pretrainingStage(
  runtime: Runtime,
  seed: number,
  design: Pick<BaseLlm, "config" | "tokenizer">,
  texts: readonly string[],
  { pretraining }: ScratchConfig,
  { recompute }: Pick<RunConfig["llm"], "recompute">,
): Promise<PhaseSpec> {
  const documents = await design.tokenizer.encodeBatch(texts);
  const shuffled = permutation(documents.length, createGenerator(seed, "pretraining/documents"));
  const chunks = packDocuments(
    Array.from(shuffled, (position) => documents[position]!),
    { time: pretraining.sequenceLength, endTokenId: design.config.eosTokenId! },
  );
  const trainer = await runtime.train(languageModelProgram(design.config, { recompute }), {
    seed,
    optimizer: {
      kind: "adamw",
      learningRate: pretraining.learningRate,
      betas: [0.9, 0.95],
      weightDecay: pretraining.weightDecay,
    },
  });
  const { batchSize, steps } = pretraining;
  const perEpoch = Math.max(1, Math.floor(chunks.count / batchSize));
  let epochOrder: { epoch: number; order: Uint32Array } | undefined;
  return {
    trainer,
    steps,
    samplesPerStep: batchSize,
    learningRateScale: cosineSchedule({ steps, warmupSteps: pretraining.warmupSteps, floor: 0.05 }),
    batch(step) {
      const epoch = Math.floor(step / perEpoch);
      if (epochOrder?.epoch !== epoch) {
        epochOrder = {
          epoch,
          order: permutation(chunks.count, createGenerator(seed, "pretraining/chunks", epoch)),
        };
      }
      const start = (step % perEpoch) * batchSize;
      return chunkBatch(chunks, epochOrder.order.subarray(start, start + batchSize));
    },
  };
}

/** The texts of pre-training and a prompt's own words. */
export function scratchTexts(
  data: PreparedData,
  prompt: PromptConfig,
): { texts: string[]; template: string } {
  return {
    texts: pretrainingTexts(data, prompt),
    template: prompt.template.replace(/\{\{.*?\}\}|\{%.*?%\}/g, ""),
  };
}
