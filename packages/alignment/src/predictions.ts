import { createCrmLane, createLlmLane, type Lane, type Router, type TunedLlm } from "@corella/bundle";
import type { ProgressListener, Runtime, Values } from "@corella/engine";
import { recordAt } from "@corella/modality";
import {
  fitMixWeight,
  mix,
  route,
  thresholdForShare,
  type MixRule,
  type RoutingPolicy,
} from "@corella/routing";
import type { RunConfig } from "./config.ts";
import type { PreparedData } from "./data.ts";

/** Answers of every model to the same rows. */
export interface Predictions {
  readonly rows: Uint32Array;
  readonly labels: Float32Array;
  /** The CRM after stage 1. */
  readonly crmWarm: Float32Array;
  /** The CRM after stage 2. */
  readonly crm: Float32Array;
  readonly llm: Float32Array;
}

/** Final probabilities of predictions under a policy and a mixing rule, and which rows the LLM answered. */
export function mixed(
  predictions: Pick<Predictions, "crm" | "llm">,
  policy: RoutingPolicy,
  rule: MixRule,
): { probabilities: Float32Array; toLlm: Uint32Array; entropy: Float32Array } {
  const { toLlm, entropy } = route(predictions.crm, policy);
  const answers = Float32Array.from(toLlm, (row) => predictions.llm[row]!);
  return { probabilities: mix(predictions.crm, answers, toLlm, rule), toLlm, entropy };
}

/** The threshold that sends the configured share of the validation part to the LLM, and the weight learned there. */
export function fitRouter(
  config: RunConfig,
  validation: Predictions,
): { router: Router; addLogits: MixRule } {
  const { entropy } = route(validation.crm, { kind: "none" });
  const policy: RoutingPolicy = {
    kind: "threshold",
    entropy: thresholdForShare(entropy, config.routing.share),
  };
  const { toLlm } = route(validation.crm, policy);
  const answers = Float32Array.from(toLlm, (row) => validation.llm[row]!);
  const { weight, bias } = fitMixWeight(validation.crm, answers, validation.labels, toLlm, { bias: false });
  const addLogits: MixRule = { kind: "addLogits", weight, bias };
  return {
    router: { policy, mix: config.routing.mix === "replace" ? { kind: "replace" } : addLogits },
    addLogits,
  };
}

export interface Models {
  readonly crmWarm: Values;
  readonly crm: Values;
  readonly llm: TunedLlm;
}

/** Records that are scored between two signs of progress. */
const scoringChunk = 250;

/** The answers of all models to the rows of some parts, by the very lanes that serve. */
export async function predictAll(
  config: RunConfig,
  data: PreparedData,
  models: Models,
  runtime: Runtime,
  listener: ProgressListener,
  signal: AbortSignal | undefined,
  parts: readonly (readonly [name: string, rows: Uint32Array])[],
): Promise<Predictions[]> {
  const warmLane = await createCrmLane(
    { config: config.crm, values: models.crmWarm, featureMap: data.featureMap },
    data.catalogue,
    runtime,
  );
  const crmLane = await createCrmLane(
    { config: config.crm, values: models.crm, featureMap: data.featureMap },
    data.catalogue,
    runtime,
  );
  const llmLane = await createLlmLane(models.llm, data.catalogue, runtime);
  const total = parts.reduce((sum, [, rows]) => sum + Math.ceil(rows.length / scoringChunk), 0);
  let step = 0;
  listener.phaseStarted?.({
    name: "scoring",
    title: "Scoring with both models",
    steps: total,
    step,
    samplesPerStep: scoringChunk,
    validations: [],
  });
  const results: Predictions[] = [];
  for (const [, rows] of parts) {
    const score = async (lane: Lane, each?: () => void): Promise<Float32Array> => {
      const scores = new Float32Array(rows.length);
      for (let start = 0; start < rows.length; start += scoringChunk) {
        signal?.throwIfAborted();
        const records = Array.from(rows.subarray(start, start + scoringChunk), (row) =>
          recordAt(data.log, row),
        );
        scores.set(await lane.score(records), start);
        each?.();
      }
      return scores;
    };
    results.push({
      rows,
      labels: data.labels(rows),
      crmWarm: await score(warmLane),
      crm: await score(crmLane),
      llm: await score(llmLane, () => listener.stepDone?.("scoring", ++step, Number.NaN)),
    });
  }
  await Promise.all([warmLane.dispose(), crmLane.dispose(), llmLane.dispose()]);
  return results;
}
