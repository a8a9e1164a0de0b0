import { cosineSchedule, type PhaseSpec } from "@corella/engine";
import { packedDecoder, twoWayProgram, type DecoderConfig, type TextTokenizer } from "@corella/llm";
import type { ScratchConfig } from "../config/config.ts";
import { labelFeed } from "../data.ts";
import type { Run } from "../run.ts";
import { askingOf } from "./asking.ts";
import { llmFeeds, llmPlan, textSamples } from "./text-samples.ts";

/**
 * A decoder from scratch learns the very question that it will be asked, from every event of the training part: all its
 * weights, by the two answers' loss alone.
 * @param settings `steps` of `batchSize` windows each
 */
export async function answering(
  run: Pick<Run, "config" | "data" | "runtime">,
  design: { readonly config: DecoderConfig; readonly tokenizer: TextTokenizer },
  settings: ScratchConfig["pretraining"],
): Promise<PhaseSpec> {
  const { config, data, runtime } = run;
  const { batchSize, steps, learningRate, weightDecay, warmupSteps } = settings;
  const asking = await askingOf(run, design.tokenizer, undefined);
  const samples = await textSamples(run, asking, data.split.train.length, "answering");
  const { answers } = asking;
  const trainer = await runtime.train(
    twoWayProgram(packedDecoder(design.config, { answers, recompute: config.llm.recompute })),
    {
      seed: config.seed,
      optimizer: { kind: "adamw", learningRate, betas: [0.9, 0.95], weightDecay },
    },
  );
  // It goes on through as many epochs as there are steps.
  const plan = llmPlan(samples, { batchSize, epochs: 1 }, config.seed, "answering", () => 1);
  return {
    trainer,
    steps,
    samplesPerStep: Math.round(samples.rows.length / plan.steps),
    learningRateScale: cosineSchedule({ steps, warmupSteps, floor: 0.05 }),
    batch(step) {
      const positions = plan.at(step);
      const rows = positions.map((position) => samples.rows[position]!);
      return { ...llmFeeds(samples, positions, ""), ...labelFeed(data.labels(rows)) };
    },
  };
}
