import { toHuggingFace } from "@corella/llm";
import type { BenchCase, Rival } from "../contestant.ts";
import {
  realLoraStep,
  realPrompts,
  realScoring,
  tokenShares,
  unsharedScoring,
} from "../programs/real-prompts.ts";

/** Items told in a prompt: with 5 it has about 140 tokens, with 10 (the default of a prompt) 226. */
const histories = [5, 10] as const;
const few = 4;
const many = 8;
const candidates = 20;
const targets = 8;
/** Windows of a step and events of each: about 560, 290 and 150 tokens each. */
const denseWindowsOf = [
  [2, 24],
  [4, 12],
  [8, 6],
] as const;

/** A real model on prompts of Template A from ML-1M, beside transformers, PEFT and llama.cpp on the same tokens. */
export async function realCases(modelPath: string, dataPath: string): Promise<BenchCase[]> {
  const prompts = await realPrompts(modelPath, dataPath);
  const { tokenizer, model, answers } = prompts;
  const config = toHuggingFace(model.config);
  const encode = (texts: readonly string[]): Promise<number[][]> => tokenizer.encodeBatch(texts);
  const transformers = (
    name: string,
    task: "lora" | "score",
    sequences: readonly number[][],
    bf16 = false,
  ): Rival => ({
    name,
    peer: {
      script: "transformers_llama.py",
      settings: {
        task,
        config,
        sequences,
        answer: answers.yes,
        bf16,
        rank: 8,
        alpha: 16,
        learningRate: 1e-4,
      },
    },
  });
  const llamaCpp = (sequences: readonly number[][], share: boolean): Rival => ({
    name: share ? "llama.cpp-shared" : "llama.cpp",
    peer: { script: "llama_cpp.mjs", settings: { model: modelPath, sequences, share } },
    note: "the weights of the file as they are",
  });
  const various = prompts.various(many, 5);
  const variousIds = await encode(various);
  const fewIds = variousIds.slice(0, few);
  const scoringCases: BenchCase[] = [
    {
      name: "real-scoring",
      what: `P(yes) of ${many} prompts of ML-1M, ${described(variousIds)}`,
      subject: (runtime) => realScoring(runtime, prompts, various),
      rivals: [transformers("transformers-fp32", "score", variousIds), llamaCpp(variousIds, false)],
      steps: 1,
      perStep: { unit: "samples", count: many },
    },
    ...(["int8", "int4"] as const).map((precision): BenchCase => ({
      name: `real-scoring-${precision}`,
      what: `the same of ${few} with weights in ${precision}`,
      subject: (runtime) => realScoring(runtime, prompts, various.slice(0, few), () => precision),
      rivals: [
        { name: "ours-fp32", own: (runtime) => realScoring(runtime, prompts, various.slice(0, few)) },
        transformers("transformers-bf16", "score", fewIds, true),
        llamaCpp(fewIds, false),
      ],
      steps: 1,
      perStep: { unit: "samples", count: few },
    })),
  ];
  const rankCases = histories.map(async (historyLength): Promise<BenchCase> => {
    const texts = prompts.candidates(candidates, historyLength);
    const ids = await encode(texts);
    return {
      name: `rank-${candidates}-history-${historyLength}`,
      what: `one user, ${candidates} candidates, ${described(ids)}`,
      subject: (runtime) => realScoring(runtime, prompts, texts),
      rivals: [
        { name: "ours-unshared", own: (runtime) => unsharedScoring(runtime, prompts, texts) },
        llamaCpp(ids, true),
      ],
      steps: 1,
      perStep: { unit: "samples", count: candidates },
    };
  });
  const packedCases = histories.map(async (historyLength): Promise<BenchCase> => {
    const texts = prompts.targets(1, targets, historyLength);
    const ids = await encode(texts);
    return {
      name: `lora-packed-${targets}-history-${historyLength}`,
      what: `LoRA step, one history with ${targets} targets, ${described(ids)}`,
      subject: (runtime) => realLoraStep(runtime, prompts, texts, true),
      rivals: [
        { name: "ours-unpacked", own: (runtime) => realLoraStep(runtime, prompts, texts, false) },
        transformers("peft-fp32", "lora", ids),
      ],
      steps: 1,
      perStep: { unit: "samples", count: targets },
    };
  });
  // Targets a second of the ways to tune, in one run; and a token's cost by the length of its window.
  const denseCases = denseWindowsOf.map(async ([windows, events]): Promise<BenchCase> => {
    const texts = prompts.windows(windows, events);
    const packed = prompts.targets((windows * events) / targets, targets, 10);
    return {
      name: `lora-dense-${windows}x${events}`,
      what: `LoRA step, ${windows} stretches of ${events} events that are all asked about, ${described(await encode(texts))}`,
      subject: (runtime) => realLoraStep(runtime, prompts, texts, true),
      rivals: [
        {
          name: `ours-packed-${targets}`,
          own: (runtime) => realLoraStep(runtime, prompts, packed, true),
        },
      ],
      steps: 1,
      perStep: { unit: "samples", count: windows * events },
    };
  });
  return [
    ...scoringCases,
    ...(await Promise.all(rankCases)),
    {
      name: "real-lora",
      what: `LoRA step, ${few} prompts of ML-1M, ${described(fewIds)}`,
      subject: (runtime) => realLoraStep(runtime, prompts, various.slice(0, few), true),
      rivals: [transformers("peft-fp32", "lora", fewIds)],
      steps: 1,
      perStep: { unit: "samples", count: few },
    },
    ...(await Promise.all(packedCases)),
    ...(await Promise.all(denseCases)),
  ];
}

function described(sequences: readonly ArrayLike<number>[]): string {
  const { given, computed, padded, plainPadded } = tokenShares(sequences);
  return `${given} tokens of which ${computed} are computed (padded ${padded}, without sharing ${plainPadded})`;
}
