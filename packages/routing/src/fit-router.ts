import { fitMix, type MixFit, type MixKind } from "./fit-mix.ts";
import type { ValidationAnswers } from "./held-out.ts";
import { route, thresholdForShare, type RoutingPolicy } from "./route.ts";
import { shareCurve, type ShareCurve } from "./share-curve.ts";

/** What `fitRouter` is asked for. */
export interface RouterSettings {
  /** Share of the samples, the least certain, that goes to the LLM. `auto`: the best of `shareCurve`. */
  readonly share: number | "auto";
  readonly mix: MixKind;
  /** The share is not larger than this, whatever is asked for; default 1. */
  readonly mostShare?: number | undefined;
}

/** A policy and a rule, fitted on validation rows. */
export interface RouterFit extends MixFit {
  /** `none` where the rule gives the LLM no weight, or the best share is 0: it is not asked what nobody listens to. */
  readonly policy: RoutingPolicy;
  /** The policy of the share that was asked for, whatever becomes of the answers. */
  readonly hard: RoutingPolicy;
  /** What each share brings. */
  readonly curve: ShareCurve;
}

/**
 * Fits all that lies between two models on a validation set: which samples the LLM answers, and how its answer and the CRM's
 * become one.
 * @throws CorellaError those of `route`, `fitMix` and `shareCurve`
 */
export function fitRouter(answers: ValidationAnswers, settings: RouterSettings): RouterFit {
  const { mix, mostShare = 1 } = settings;
  const asked = settings.share === "auto" ? undefined : Math.min(settings.share, mostShare);
  const curve = shareCurve(answers, mix, { mostShare, share: asked });
  const pCrm = Float32Array.from(answers.pCrm);
  const { entropy } = route(pCrm, { kind: "none" });
  const hard: RoutingPolicy = {
    kind: "threshold",
    entropy: thresholdForShare(entropy, asked ?? curve.best),
  };
  const { toLlm } = route(pCrm, hard);
  const fit = fitMix(mix, answers, toLlm);
  const isSilent = toLlm.length === 0 || (fit.rule.kind === "addLogits" && fit.rule.weight === 0);
  return { ...fit, hard, policy: isSilent ? { kind: "none" } : hard, curve };
}
