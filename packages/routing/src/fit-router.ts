import { fitMix, type MixFit, type MixKind } from "./fit-mix.ts";
import { fitGain } from "./fit-gain.ts";
import { predictedGains, type GainModel } from "./gain-model.ts";
import type { Estimate, ValidationAnswers } from "./held-out.ts";
import { rowsOfShare } from "./inputs.ts";
import { heardRows } from "./mix.ts";
import { route, thresholdForShare, type RoutingPolicy } from "./route.ts";
import { shareCurve, type ShareCurve } from "./share-curve.ts";
import type { RoutingSignals } from "./signals.ts";

/** What `fitRouter` is asked for. */
export interface RouterSettings {
  /** Share of the samples, the least certain, that goes to the LLM. `auto`: the best of `shareCurve`. */
  readonly share: number | "auto";
  readonly mix: MixKind;
  /**
   * Learns whom to ask from the signals of the validation rows: the share with the highest predicted gains goes to the LLM, if
   * that is better on held-out users than the share with the highest entropy by more than a standard error.
   */
  readonly learn?: Pick<GainModel, "longestHistory"> | undefined;
  /** The share is not larger than this, whatever is asked for; default 1. */
  readonly mostShare?: number | undefined;
}

/** A policy and a rule, fitted on validation rows. */
export interface RouterFit extends MixFit {
  /** `none` where the rule gives the LLM no weight, or the best share is 0: it is not asked what nobody listens to. */
  readonly policy: RoutingPolicy;
  /** The policy of the share that was asked for, whatever becomes of the answers. */
  readonly hard: RoutingPolicy;
  /** What each share brings, in the order of the policy. */
  readonly curve: ShareCurve;
  /** What learning whom to ask would bring, kept or not; only where that was asked for. */
  readonly advantage?: Estimate;
}

/**
 * Fits all that lies between two models on a validation set: which samples the LLM answers, and how its answer and the CRM's
 * become one.
 * @throws CorellaError those of `route`, `fitMix` and `shareCurve`
 */
export function fitRouter(answers: ValidationAnswers, settings: RouterSettings): RouterFit {
  const { mix, mostShare = 1, learn } = settings;
  const { signals } = answers;
  const asked = settings.share === "auto" ? undefined : Math.min(settings.share, mostShare);
  const pCrm = Float32Array.from(answers.pCrm);
  const byEntropy = shareCurve(answers, mix, { mostShare, share: asked });
  const learned =
    learn === undefined
      ? undefined
      : fitGain(answers, mix, learn.longestHistory, asked ?? (byEntropy.best || mostShare / 2));
  const isLearned = learned !== undefined && learned.advantage.mean > learned.advantage.standardError;
  const curve = isLearned
    ? shareCurve(answers, mix, { mostShare, share: asked, priority: learned.heldOut })
    : byEntropy;
  const share = asked ?? curve.best;
  const hard: RoutingPolicy = isLearned
    ? { kind: "gain", ...gainPolicy(pCrm, learned.model, signals, share) }
    : { kind: "threshold", entropy: thresholdForShare(route(pCrm, { kind: "none" }).entropy, share) };
  const { toLlm } = route(pCrm, hard, signals);
  const fit = fitMix(mix, answers, toLlm);
  const isSilent = heardRows(toLlm, fit.rule, pCrm.length, signals).length === 0;
  return {
    ...fit,
    hard,
    policy: isSilent ? { kind: "none" } : hard,
    curve,
    ...(learned === undefined ? {} : { advantage: learned.advantage }),
  };
}

/** The threshold above which this share of the rows has its predicted gains. */
function gainPolicy(
  pCrm: Float32Array,
  model: GainModel,
  signals: RoutingSignals | undefined,
  share: number,
): { above: number; model: GainModel } {
  const ascending = predictedGains(pCrm, model, signals).sort();
  const count = rowsOfShare(share, ascending.length);
  // Every row is above a number below the smallest; JSON knows no infinity.
  const above = ascending[ascending.length - 1 - count] ?? (ascending[0] ?? 0) - 1;
  return { above, model };
}
