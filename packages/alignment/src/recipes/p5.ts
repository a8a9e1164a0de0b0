/**
 * P5 (Geng et al., RecSys 2022, arXiv 2203.13366), adapted to click-through rates: recommendation as language. A T5 reads prompts of several
 * families about users and items, whose ids are words, and learns to say the answers; it is asked whether a user will like an item, and the
 * two answers' probabilities are the score. In the paper's order: prompts, whole-word embeddings, the objective (eq. 1), the prediction.
 */
import type { TrainedT5 } from "@corella/bundle";
import { linearSchedule, type PhaseSpec, type Program } from "@corella/engine";
import { paddedFeeds, type AnswerIds } from "@corella/llm";
import { encodeAnswers, t5, t5AnswerIds, t5Answers, t5Encoder, type T5Model } from "@corella/llm/encoders";
import { lengthBucketedPlan } from "../llm/batch-plan.ts";
import { p5Prompt, preferenceAnswers, templates } from "../p5/prompts.ts";
import { t5OfRun } from "../p5/t5-of-run.ts";
import { drawTasks, type Task } from "../p5/tasks.ts";
import { requirePlainPrompt, requireTestPart } from "../preflight.ts";
import type { Run } from "../run.ts";
import { llmResult } from "./llm-result.ts";
import type { RecipeResult } from "./recipe.ts";

/** A T5 on all families of prompts, and a bundle that holds nothing else. Settings: `t5`, `stages.p5`. */
export async function p5(run: Run): Promise<RecipeResult> {
  const { config, data } = run;
  requireTestPart(data);
  requirePlainPrompt(config);

  const prompt = p5Prompt(config.prompt, config.stages.p5, "preference", templates.preference[0]!);
  const tasks = drawTasks(run);
  const base = await t5OfRun(run, [
    ...tasks.flatMap(({ text, answer }) => [text, answer]),
    ...Object.values(preferenceAnswers),
  ]);
  const answers = await t5AnswerIds(base.tokenizer, preferenceAnswers);
  const texts = await tokenised(run, base, tasks);
  const values = await run.phase("p5", "Pre-training T5 on all prompts", () =>
    pretraining(run, base, answers, texts),
  );

  const { maxTokens } = config.t5;
  const { tokenBudget } = config.llm;
  const llm: TrainedT5 = {
    t5: base.config,
    values,
    tokenizer: base.tokenizer,
    answers: { ...answers, dangling: "", appended: "" },
    maxTokens,
    tokenBudget,
    prompt,
  };
  return llmResult({ ...run, config: { ...config, prompt } }, llm, "P5");
}

/** Prompts and answers as tokens, in the order of the tasks. */
interface TokenisedTasks {
  readonly prompts: readonly ArrayLike<number>[];
  readonly answers: readonly ArrayLike<number>[];
}

/** Prompts that are longer than `t5.maxTokens` lose history, oldest first, and how many do is told. */
async function tokenised(
  { config, listener }: Run,
  base: T5Model,
  tasks: readonly Task[],
): Promise<TokenisedTasks> {
  const { tokenizer } = base;
  const { maxTokens } = config.t5;
  const whole = await tokenizer.encodeBatch(tasks.map(({ text }) => text));
  const long = whole.flatMap((ids, place) => (ids.length > maxTokens ? [place] : []));
  const shorter = await tokenizer.encodeBatch(
    long.map((place) => tasks[place]!.shortened(tokenizer, maxTokens)),
  );
  const prompts: number[][] = [...whole];
  for (const [i, place] of long.entries())
    // What is still too long loses what is after its first token, as when it is scored.
    prompts[place] =
      shorter[i]!.length <= maxTokens ? shorter[i]! : [shorter[i]![0]!, ...shorter[i]!.slice(1 - maxTokens)];
  if (long.length > 0) {
    const longest = whole.reduce((most, { length }) => Math.max(most, length), 0);
    listener.note?.(
      `warning: ${long.length} of ${tasks.length} prompts have more than the ${maxTokens} tokens that the T5 reads, and lose history, oldest events first. The longest has ${longest}: set t5.maxTokens so, or tell fewer events by prompt.historyLength.`,
    );
  }
  const answers = await encodeAnswers(
    tokenizer,
    tasks.map(({ answer }) => answer),
    base.config,
  );
  return { prompts, answers };
}

/** Eq. 1 as a program: -log P(answer | prompt) by teacher forcing, the mean over an answer's tokens, then over the samples. */
export function p5Program(config: T5Model["config"], answers: AnswerIds): Program {
  const part = t5(config, { answers });
  return {
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
}

/** All weights, on prompts of all families mixed, batches of similar length in a random order. */
async function pretraining(
  { config, runtime }: Run,
  base: T5Model,
  answers: AnswerIds,
  { prompts, answers: said }: TokenisedTasks,
): Promise<PhaseSpec> {
  const { batchSize, epochs, learningRate, weightDecay, warmup, clipNorm } = config.stages.p5;
  const lengths = prompts.map(({ length }) => length);
  const plan = lengthBucketedPlan(lengths, batchSize, epochs, config.seed, "p5");
  const encoder = t5Encoder(base.config, base.tokenizer);
  const { padTokenId } = base.config;
  return {
    trainer: await runtime.train(p5Program(base.config, answers), {
      seed: config.seed,
      values: base.values,
      clipNorm,
      optimizer: { kind: "adamw", learningRate, weightDecay },
    }),
    steps: plan.steps,
    samplesPerStep: batchSize,
    learningRateScale: linearSchedule({ steps: plan.steps, warmupSteps: Math.round(warmup * plan.steps) }),
    batch(step) {
      const places = Array.from(plan.at(step));
      const read = paddedFeeds(
        places.map((place) => prompts[place]!),
        { padTokenId },
      );
      const spoken = t5Answers(
        places.map((place) => said[place]!),
        base.config,
      );
      return { ...encoder(read), ...spoken };
    },
  };
}
