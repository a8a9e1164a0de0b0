import { requireBothClasses } from "@corella/crm";
import {
  compose,
  within,
  type PhaseSpec,
  type Program,
  type Runtime,
  type Validation,
  type Values,
} from "@corella/engine";
import { isLoraParam, logitDifference } from "@corella/llm";
import { auc, logLoss } from "@corella/metrics";
import { offsetFeed } from "../crm/crm-logits.ts";
import { randomSubset } from "../data.ts";
import type { StageInputs } from "../run.ts";
import { validationRows } from "../scored-rows.ts";
import type { Asking } from "./asking.ts";
import { llmTuning, type TunedDecoder } from "./llm-tuning.ts";
import { llmFeeds, llmPlan, textSamples, type CrmLogits, type TextSamples } from "./text-samples.ts";

/** What is tuned where the LLM is tuned alone. */
export interface LlmAlone {
  readonly llm: TunedDecoder;
  /** Trains `llm`; its inputs are the LLM's, named `llm.`, `label`, and `offset` where it `adds`. */
  readonly program: Program;
  /** Named `llm.`. */
  readonly values: Values;
  readonly asking: Asking;
  /** There where the prompt says what the CRM says, or `adds`. */
  readonly crm?: KnownCrm | undefined;
  /** Whether the CRM's logit is added to the LLM's own. */
  readonly adds?: boolean;
}

/** What a CRM says that the LLM is told in words, or adds to: logits by rows. */
export interface KnownCrm {
  /** The rows that the LLM is tuned on are among these of the training part. */
  readonly rows: Uint32Array;
  /** Of some of `rows`. */
  readonly training: CrmLogits;
  /** Of rows of the validation part. */
  readonly validation: CrmLogits;
}

/** Names the random choice of the validation rows. */
const validationPurpose = "llm-validation";

/**
 * Refuses validation rows of one class, by which no adapter could be chosen, before anything is trained.
 * @throws CorellaError `crm/one-class`
 */
export function requireLlmValidation({ config, data }: Pick<StageInputs, "config" | "data">): void {
  const { validationsPerEpoch, validationSamples } = config.stages.llmAlone;
  if (validationsPerEpoch === 0) return;
  const { choosing } = validationRows(config, data);
  requireBothClasses(data.labels(randomSubset(choosing, validationSamples, config.seed, validationPurpose)));
}

/** The LLM alone on a random subset of the training rows, validated on one of the validation rows. Settings: `stages.llmAlone`. */
export async function llmAlone(
  run: StageInputs,
  { llm, program, values, asking, crm, adds = false }: LlmAlone,
): Promise<PhaseSpec> {
  const { config, data, runtime } = run;
  const settings = config.stages.llmAlone;
  const samples = await textSamples(run, asking, settings.samples, "llm-alone", {
    from: crm?.rows,
    crm: crm?.training,
  });
  const logits = adds ? await crm!.training(samples.rows) : undefined;
  const phase = await llmTuning(run, {
    program,
    values,
    samples,
    settings,
    purpose: "llm-alone",
    feeds: (rows) => (logits ? offsetFeed(logits, rows) : {}),
  });
  const { validationsPerEpoch, validationSamples, patience } = settings;
  if (validationsPerEpoch === 0) return phase;
  const held = await textSamples(run, asking, validationSamples, validationPurpose, {
    from: validationRows(config, data).choosing,
    crm: crm?.validation,
  });
  const labels = data.labels(held.rows);
  requireBothClasses(labels);
  const knownOfHeld = adds ? await crm!.validation(held.rows) : undefined;
  const plan = llmPlan(held, { ...settings, epochs: 1 }, config.seed, validationPurpose);
  const scorer = await liveScorer(runtime, llm, phase.trainer.values);
  const validation: Validation = {
    every: Math.max(1, Math.floor(phase.steps / settings.epochs / validationsPerEpoch)),
    patience,
    keeps: isLoraParam,
    async evaluate() {
      const probabilities = new Float32Array(labels.length);
      for (let step = 0; step < plan.steps; step++) {
        const places = plan.at(step);
        const own = await scorer.logits(held, places);
        for (const [i, place] of places.entries()) {
          const logit = own[i]! + (knownOfHeld?.get(held.rows[place]!) ?? 0);
          probabilities[place] = 1 / (1 + Math.exp(-logit));
        }
      }
      return { score: auc(probabilities, labels), figures: { logLoss: logLoss(probabilities, labels) } };
    },
  };
  return { ...phase, validation, dispose: scorer.dispose };
}

/** Scores with an LLM that is under training. @param values read anew at each run */
async function liveScorer(
  runtime: Runtime,
  { part }: TunedDecoder,
  values: Values,
): Promise<{
  /** The log odds of yes of the samples at some places. */
  logits(samples: TextSamples, places: Uint32Array): Promise<Float32Array>;
  dispose(): Promise<void>;
}> {
  const program: Program = {
    ...compose({ llm: part }),
    forward: (scope) => ({
      outputs: { logit: logitDifference(part.forward(within(scope, "llm")).yesNoLogits) },
    }),
  };
  const inference = await runtime.infer(program, values, { live: true });
  return {
    logits: async (samples, places) =>
      (await inference.run(llmFeeds(samples, places)))["logit"]!.data as Float32Array,
    dispose: () => inference.dispose(),
  };
}
