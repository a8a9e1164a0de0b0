import type { Prediction, Predictor, ScoreOptions } from "@corella/bundle";
import type { RatingRecord } from "@corella/modality";
import { route, type RoutingPolicy } from "@corella/routing";
import type { LlmUse } from "./score-request.ts";

export interface ServedPrediction extends Prediction {
  /** The LLM was to answer and did not: this is the CRM's answer. */
  readonly degraded?: true;
}

export interface Scoring {
  readonly predictor: Predictor;
  /** The bundle's. */
  readonly policy: RoutingPolicy;
  readonly llm: LlmUse;
  /** Ends the wait for the LLM. */
  readonly signal: AbortSignal;
  /** Is told why the LLM did not answer. */
  readonly onLlmFailure: (reason: unknown) => void;
}

/** Scores records. When the LLM fails or takes too long, the CRM's answers are given and say so. */
export async function scoreRecords(
  records: readonly RatingRecord[],
  { predictor, policy: bundlePolicy, llm, signal, onLlmFailure }: Scoring,
): Promise<ServedPrediction[]> {
  const policy = policyOf(llm, bundlePolicy);
  const alone: ScoreOptions = { policy: { kind: "none" } };
  if (policy.kind === "none") return predictor.score(records, alone);
  try {
    return await predictor.score(records, { policy, signal });
  } catch (reason) {
    // Whichever model it was: if the CRM fails again, that error is the answer.
    const predictions = await predictor.score(records, alone);
    onLlmFailure(reason);
    const missed = new Set(
      route(
        Float32Array.from(predictions, ({ pCrm }) => pCrm!),
        policy,
      ).toLlm,
    );
    return predictions.map((prediction, row) =>
      missed.has(row) ? { ...prediction, degraded: true } : prediction,
    );
  }
}

function policyOf(llm: LlmUse, bundlePolicy: RoutingPolicy): RoutingPolicy {
  if (llm === "auto") return bundlePolicy;
  return { kind: llm === "always" ? "all" : "none" };
}
