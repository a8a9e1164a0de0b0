import type { TunedLlm } from "@corella/bundle";
import {
  compose,
  cosineSchedule,
  within,
  type Batch,
  type Optimizer,
  type Part,
  type PhaseSpec,
  type Program,
  type Tensor,
  type Values,
} from "@corella/engine";
import {
  answerLoss,
  decoder,
  isLoraParam,
  labelledProgram,
  packedDecoder,
  twoWayLoss,
  type DecoderOptions,
  type DecoderOutput,
} from "@corella/llm";
import type { RunConfig } from "../config/config.ts";
import type { LlmTuningConfig } from "../config/stages-config.ts";
import { labelFeed } from "../data.ts";
import type { ResolvedConfig, StageInputs } from "../run.ts";
import type { Asking } from "./asking.ts";
import type { BaseLlm } from "./base-llm.ts";
import { loraOf } from "./lora-of.ts";
import { llmFeeds, llmPlan, type TextSamples } from "./text-samples.ts";

/** L_llm from the decoder's output and the labels, float32 [batch], 1 for Yes; `offset` as `twoWayLoss` has it. */
export type LlmLoss = (output: DecoderOutput, labels: Tensor, offset?: Tensor) => Tensor;

/** L_llm of the probability by which samples are scored: cross entropy of the softmax over the two answers (eq. 2). */
export const twoWay: LlmLoss = ({ yesNoLogits }, labels, offset) => twoWayLoss(yesNoLogits, labels, offset);

/** An LLM with its adapter, and its loss. */
export interface TunedDecoder {
  readonly part: Part<DecoderOutput>;
  readonly loss: LlmLoss;
}

/**
 * The decoder that is tuned; it computes what several targets share once, where they do.
 * @param options.allPositions gives the hidden states of all tokens too
 */
export function tunedDecoder(
  { supervision, targetsPerHistory, loss, recompute, lora }: RunConfig["llm"],
  base: Pick<BaseLlm, "config">,
  { answers }: Pick<Asking, "answers">,
  { allPositions = false }: Pick<DecoderOptions, "allPositions"> = {},
): TunedDecoder {
  const create = supervision === "dense" || targetsPerHistory > 1 ? packedDecoder : decoder;
  return {
    part: create(base.config, { answers, lora: loraOf(lora, base.config), recompute, allPositions }),
    loss: loss === "answer" ? (output, labels) => answerLoss(output, labels, answers) : twoWay,
  };
}

/** The LLM as it is saved and served. @param adapter its trained values, by the decoder's own names */
export function tunedLlm(
  { llm, prompt }: ResolvedConfig,
  base: BaseLlm,
  asking: Asking,
  adapter: Values,
): TunedLlm {
  return {
    config: base.config,
    lora: loraOf(llm.lora, base.config),
    values: { ...base.values, ...adapter },
    tokenizer: base.tokenizer,
    answers: asking.answers,
    prompt,
    itemVectors: asking.itemVectors,
    maxTokens: llm.maxTokens,
    tokenBudget: llm.tokenBudget,
  };
}

/** L_llm alone: the decoder's parameters and inputs are named `llm.`, and `label` is float32 [batch], 1 for Yes. */
export function llmProgram({ part, loss }: TunedDecoder): Program {
  return labelledProgram(
    { ...compose({ llm: part }), forward: (scope) => part.forward(within(scope, "llm")) },
    loss,
  );
}

/** How the adapter is trained. */
export function llmOptimizer({ learningRate, weightDecay }: LlmTuningConfig): Optimizer {
  return { kind: "adamw", learningRate, weightDecay };
}

/** What a phase that tunes an LLM trains, and on what. */
export interface LlmTuning {
  /** Its inputs are the LLM's, named `llm.`, `label` float32 [batch], and what `feeds` gives. */
  readonly program: Program;
  readonly values: Values;
  readonly samples: TextSamples;
  readonly settings: LlmTuningConfig;
  /** Names the random order of the batches. */
  readonly purpose: string;
  /** Of each parameter and table; null leaves it alone. Default: AdamW for the adapter, nothing else is trained. */
  readonly optimizer?: (name: string) => Optimizer | null;
  /** Further inputs for the rows of a batch, which are at some positions among the samples. */
  readonly feeds?: (rows: Uint32Array, positions: Uint32Array) => Batch;
}

/** A phase over prompts in batches of similar length, under a cosine schedule with warm-up. */
export async function llmTuning(
  { config, data, runtime }: StageInputs,
  { program, values, samples, settings, purpose, ...tuning }: LlmTuning,
): Promise<PhaseSpec> {
  const { accumulate, batchSize, warmupSteps } = settings;
  const adapter = llmOptimizer(settings);
  const trainer = await runtime.train(program, {
    seed: config.seed,
    values,
    accumulate,
    optimizer: tuning.optimizer ?? ((name) => (isLoraParam(name) ? adapter : null)),
  });
  const plan = llmPlan(samples, settings, config.seed, purpose);
  const steps = Math.floor(plan.steps / accumulate);
  return {
    trainer,
    steps,
    samplesPerStep: batchSize * accumulate,
    learningRateScale: cosineSchedule({ steps, warmupSteps, floor: 0.1 }),
    batch(index) {
      const positions = plan.at(index);
      const rows = positions.map((position) => samples.rows[position]!);
      return {
        ...tuning.feeds?.(rows, positions),
        ...llmFeeds(samples, positions),
        ...labelFeed(data.labels(rows)),
      };
    },
  };
}
