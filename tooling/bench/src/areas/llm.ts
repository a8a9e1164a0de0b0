import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseRunConfig } from "@corella/alignment";
import { CorellaError } from "@corella/errors";
import { tinyLlamaConfig, toHuggingFace } from "@corella/llm";
import { t5ToHuggingFace, type BertConfig, type T5Config } from "@corella/llm/encoders";
import { parse } from "yaml";
import type { BenchCase, Rival } from "../contestant.ts";
import { bertStep } from "../programs/bert.ts";
import { pretrainingStep, scoring } from "../programs/llama.ts";
import { t5Step } from "../programs/t5.ts";

const path = "configs/movietweetings.yaml";

/** The decoder that the default run trains, in the shape its configuration gives it. */
export async function llmCases(): Promise<BenchCase[]> {
  const text = await readFile(join(import.meta.dirname, "../../../..", path), "utf8");
  const run = parseRunConfig(parse(text), path);
  const { base } = run.llm;
  if (base.kind !== "scratch") throw noScratch();
  const config = tinyLlamaConfig({
    vocabularySize: base.vocabularySize,
    hiddenSize: base.hiddenSize,
    layers: base.layers,
    heads: base.heads,
    keyValueHeads: base.keyValueHeads,
    intermediateSize: base.feedForwardSize,
  });
  const { batchSize, sequenceLength, learningRate } = base.pretraining;
  const training = { batch: batchSize, time: sequenceLength };
  const prompts = { batch: 32, time: 128 };
  const encoderDecoder = t5Shape(run.t5);
  const { batchSize: batch, learningRate: rate } = run.stages.p5;
  // As long as its prompts and the items' names are.
  const asked = { batch, time: 96, answer: 4 };
  const encoder = bertShape(run.textTower);
  const { batchSize: texts, learningRate: alignmentRate } = run.stages.contrastive;
  const rivals = (task: string, settings: Readonly<Record<string, unknown>>): Rival[] =>
    transformers("transformers_llama.py", { task, config: toHuggingFace(config), ...settings });
  return [
    {
      name: "small-pretraining-step",
      what: `pre-training of the default run's decoder, ${batchSize} x ${sequenceLength} tokens`,
      subject: (runtime) => pretrainingStep(runtime, config, training, learningRate),
      rivals: rivals("pretrain", { ...training, learningRate }),
      steps: 3,
      perStep: { unit: "tokens", count: batchSize * sequenceLength },
    },
    {
      name: "small-scoring",
      what: `yes/no of ${prompts.batch} prompts of ${prompts.time} tokens with it`,
      subject: (runtime) => scoring(runtime, config, prompts),
      rivals: rivals("score", prompts),
      steps: 5,
      perStep: { unit: "samples", count: prompts.batch },
    },
    {
      name: "small-t5-step",
      what: `pre-training of the recipe p5's T5, ${batch} x ${asked.time} tokens and ${asked.answer} of the answer`,
      subject: (runtime) => t5Step(runtime, encoderDecoder, asked, rate),
      rivals: transformers("transformers_t5.py", {
        config: t5ToHuggingFace(encoderDecoder),
        ...asked,
        learningRate: rate,
      }),
      steps: 3,
      perStep: { unit: "samples", count: batch },
    },
    bertCase("small-bert-step", "the recipe ctrl's text tower", encoder, texts, alignmentRate, 3),
    bertCase("minilm-step", "a text tower as large as MiniLM-L6", miniLm, 32, alignmentRate, 1),
  ];
}

/** The peer in both of its precisions. */
function transformers(script: string, settings: Readonly<Record<string, unknown>>): Rival[] {
  return ["fp32", "bf16"].map((precision) => ({
    name: `transformers-${precision}`,
    peer: { script, settings: { ...settings, bf16: precision === "bf16" } },
  }));
}

/** A step of a text tower on `batch` texts of as many tokens as it reads. */
function bertCase(
  name: string,
  what: string,
  config: BertConfig,
  batch: number,
  learningRate: number,
  steps: number,
): BenchCase {
  const time = 128;
  const settings = { config: bertToHuggingFace(config), batch, time, learningRate };
  return {
    name,
    what: `alignment of ${what}, ${batch} x ${time} tokens`,
    subject: (runtime) => bertStep(runtime, config, { batch, time }, learningRate),
    rivals: transformers("transformers_bert.py", settings),
    steps,
    perStep: { unit: "samples", count: batch },
  };
}

const commonBert = {
  maxPositions: 128,
  tokenTypes: 1,
  activation: "gelu",
  layerNormEpsilon: 1e-12,
  initializerRange: 0.02,
  padTokenId: 0,
} as const;

const miniLm: BertConfig = {
  ...commonBert,
  vocabularySize: 30_522,
  hiddenSize: 384,
  intermediateSize: 1536,
  layers: 6,
  heads: 12,
};

/** The text tower that the recipe ctrl makes by default. */
function bertShape(given: ReturnType<typeof parseRunConfig>["textTower"]): BertConfig {
  if (given.kind !== "scratch") throw noScratch();
  const { vocabularySize, hiddenSize, heads, layers, feedForwardSize } = given;
  return { ...commonBert, vocabularySize, hiddenSize, intermediateSize: feedForwardSize, layers, heads };
}

function bertToHuggingFace(config: BertConfig): Record<string, number | string> {
  return {
    vocab_size: config.vocabularySize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    max_position_embeddings: config.maxPositions,
    type_vocab_size: config.tokenTypes,
    hidden_act: "gelu",
    layer_norm_eps: config.layerNormEpsilon,
  };
}

/** The T5 that the recipe p5 makes by default. */
function t5Shape(given: ReturnType<typeof parseRunConfig>["t5"]): T5Config {
  if (given.kind !== "scratch") throw noScratch();
  const { vocabularySize, hiddenSize, heads, layers, feedForwardSize, wholeWords } = given;
  return {
    vocabularySize,
    hiddenSize,
    heads,
    headDim: hiddenSize / heads,
    intermediateSize: feedForwardSize,
    encoderLayers: layers,
    decoderLayers: layers,
    relativeBuckets: 32,
    relativeMaxDistance: 128,
    feedForward: { activation: "relu", gated: false },
    layerNormEpsilon: 1e-6,
    tieWordEmbeddings: true,
    scaleDecoderOutputs: true,
    startTokenId: 0,
    padTokenId: 0,
    endTokenId: 2,
    wholeWords,
  };
}

function noScratch(): CorellaError {
  return new CorellaError({
    code: "bench/no-scratch",
    message: "The default run trains no model from scratch.",
    place: path,
    remedy: "Give the area llm another configuration (tooling/bench/src/areas/llm.ts).",
  });
}
