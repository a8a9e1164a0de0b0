import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseRunConfig } from "@corella/alignment";
import { CorellaError } from "@corella/errors";
import { tinyLlamaConfig, toHuggingFace } from "@corella/llm";
import { parse } from "yaml";
import type { BenchCase, Rival } from "../contestant.ts";
import { pretrainingStep, scoring } from "../programs/llama.ts";

const path = "configs/movietweetings.yaml";

/** The decoder that the default run trains, in the shape its configuration gives it. */
export async function llmCases(): Promise<BenchCase[]> {
  const text = await readFile(join(import.meta.dirname, "../../../..", path), "utf8");
  const { base } = parseRunConfig(parse(text), path).llm;
  if (base.kind !== "scratch") {
    throw new CorellaError({
      code: "bench/no-scratch",
      message: "The default run trains no decoder from scratch.",
      place: path,
      remedy: "Give the area llm another configuration (tooling/bench/src/areas/llm.ts).",
    });
  }
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
  const rivals = (task: string, settings: Readonly<Record<string, unknown>>): Rival[] =>
    ["fp32", "bf16"].map((precision) => ({
      name: `transformers-${precision}`,
      peer: {
        script: "transformers_llama.py",
        settings: { task, config: toHuggingFace(config), ...settings, bf16: precision === "bf16" },
      },
    }));
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
  ];
}
