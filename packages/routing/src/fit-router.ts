import { fitMix, type MixFit, type MixKind } from "./fit-mix.ts";
import type { ValidationAnswers } from "./held-out.ts";
import { route, thresholdForShare, type RoutingPolicy } from "./route.ts";

/** What `fitRouter` is asked for. */
export interface RouterSettings {
  /** Share of the samples, the least certain, that goes to the LLM. */
  readonly share: number;
  readonly mix: MixKind;
}

/** A policy and a rule, fitted on validation rows. */
export interface RouterFit extends MixFit {
  /** `none` where the rule gives the LLM no weight: it is not asked what nobody listens to. */
  readonly policy: RoutingPolicy;
  /** The policy of the share that was asked for, whatever becomes of the answers. */
  readonly hard: RoutingPolicy;
}

/**
 * Fits all that lies between two models on a validation set: which samples the LLM answers, and how its answer and the CRM's
 * become one.
 * @throws CorellaError those of `route` and `fitMix`
 */
export function fitRouter(answers: ValidationAnswers, { share, mix }: RouterSettings): RouterFit {
  const pCrm = Float32Array.from(answers.pCrm);
  const { entropy } = route(pCrm, { kind: "none" });
  const hard: RoutingPolicy = { kind: "threshold", entropy: thresholdForShare(entropy, share) };
  const fit = fitMix(mix, answers, route(pCrm, hard).toLlm);
  const isSilent = fit.rule.kind === "addLogits" && fit.rule.weight === 0;
  return { ...fit, hard, policy: isSilent ? { kind: "none" } : hard };
}
