import type { RoutingCurve } from "@corella/bundle";
import { historyLength, historyOf, itemEventsAt } from "@corella/modality";
import {
  route,
  routeAndMix,
  shareOfBudget,
  thresholdForShare,
  type MixRule,
  type Estimate,
  type RouterFit,
  type RouterSettings,
  type RoutingPolicy,
  type RoutingSignals,
} from "@corella/routing";
import type { PreparedData } from "../data.ts";
import type { Answers, NamedPredictions } from "../predictions.ts";
import type { Run } from "../run.ts";
import type { RecipeResult } from "./recipe.ts";

/** What a policy and a rule make of the two models' answers: P(label = 1), and the share that the LLM answered. */
export function mixed(
  { crm, llm }: Answers<"crm" | "llm">,
  policy: RoutingPolicy,
  rule: MixRule,
  signals: RoutingSignals,
): Pick<NamedPredictions, "probabilities" | "shareToLlm"> {
  const { probabilities, toLlm } = routeAndMix(crm, llm, policy, rule, signals);
  return { probabilities, shareToLlm: toLlm.length / Math.max(crm.length, 1) };
}

/** What is known of rows before the LLM is asked, as a Predictor knows it of their records. */
export function signalsAt({ log, featureMap }: PreparedData, rows: Uint32Array): RoutingSignals {
  return {
    historyLengths: Uint32Array.from(rows, (row) => historyOf(log, row).length),
    userEvents: Uint32Array.from(rows, (row) => historyLength(log, row)),
    itemEvents: itemEventsAt(featureMap, log, rows),
  };
}

/** How a router is fitted. */
export function routerSettings({ config, data }: Run): RouterSettings {
  const { share, mix, budget, policy } = config.routing;
  // A server completes a history to so many events.
  const longestHistory = data.featureMap.historyLength;
  return {
    share,
    mix,
    mostShare: budget === undefined ? 1 : shareOfBudget(budget),
    learn: policy === "learned" ? { longestHistory } : undefined,
  };
}

/** What each share to the LLM brings, for a bundle. @param pCrm of the rows that the router was fitted on */
export function routingCurveOf(
  { curve, hard }: Pick<RouterFit, "curve" | "hard">,
  pCrm: Float32Array,
): RoutingCurve {
  const by = hard.kind === "gain" ? "gain" : "entropy";
  const { entropy } = route(pCrm, { kind: "none" });
  const known = (value: number): number | null => (Number.isFinite(value) ? value : null);
  return {
    by,
    best: curve.best,
    points: curve.points.map(({ share, auc, logLoss, gain }) => ({
      share,
      threshold: by === "entropy" ? thresholdForShare(entropy, share) : null,
      auc: known(auc),
      logLoss,
      gain: gain.mean,
      standardError: known(gain.standardError),
    })),
  };
}

/** How the predictions of a rule are called in tables. */
export function ruleNames(rule: MixRule): Pick<NamedPredictions, "name" | "title"> {
  if (rule.kind === "addLogits")
    return rule.segments === undefined
      ? { name: "add-logits", title: "CoReLLa, adding logits" }
      : { name: "add-logits-by-segment", title: "CoReLLa, adding logits by segment" };
  if (rule.calibration === undefined) return { name: "replace", title: "CoReLLa, replacing" };
  return { name: "replace-calibrated", title: "CoReLLa, replacing, calibrated" };
}

/** What was learned of a router, for a report. @param shareToLlm of the test part */
export function routerFacts(
  { rule, gain, bySegment, hard, advantage }: RouterFit,
  shareToLlm: number,
): RecipeResult["facts"] {
  const weight = { label: "weight of the LLM's logit" };
  return [
    { label: "share to the LLM", value: `${(100 * shareToLlm).toFixed(1)} %` },
    ...(rule.kind === "addLogits" ? [{ ...weight, value: rule.weight.toFixed(3) }] : []),
    // Where nobody is asked there is no answer that could save anything.
    ...(shareToLlm === 0 && gain.mean === 0 && gain.standardError === 0
      ? []
      : [
          {
            label: "logloss that an answer of the LLM saves (validation, held out)",
            value: plusMinus(gain, 4),
          },
        ]),
    ...(bySegment === undefined
      ? []
      : [
          {
            label: `logloss that weights by segment save beyond a common one, ${rule.kind === "addLogits" && rule.segments !== undefined ? "kept" : "not beyond chance: a common one"}`,
            value: plusMinus(bySegment, 5),
          },
        ]),
    ...(advantage === undefined
      ? []
      : [
          {
            label: `logloss that learning whom to ask saves beyond entropy, ${hard.kind === "gain" ? "kept" : "not beyond chance: by entropy"}`,
            value: plusMinus(advantage, 5),
          },
        ]),
  ];
}

function plusMinus({ mean, standardError }: Estimate, digits: number): string {
  return `${mean.toFixed(digits)} ± ${standardError.toFixed(digits)}`;
}
