import {
  routeAndMix,
  shareOfBudget,
  type MixFit,
  type MixRule,
  type RouterSettings,
  type RoutingPolicy,
} from "@corella/routing";
import type { RunConfig } from "../config/config.ts";
import type { Answers, NamedPredictions } from "../predictions.ts";
import type { RecipeResult } from "./recipe.ts";

/** What a policy and a rule make of the two models' answers: P(label = 1), and the share that the LLM answered. */
export function mixed(
  { crm, llm }: Answers<"crm" | "llm">,
  policy: RoutingPolicy,
  rule: MixRule,
): Pick<NamedPredictions, "probabilities" | "shareToLlm"> {
  const { probabilities, toLlm } = routeAndMix(crm, llm, policy, rule);
  return { probabilities, shareToLlm: toLlm.length / Math.max(crm.length, 1) };
}

/** What a router is fitted by. */
export function routerSettings({ share, mix, budget }: RunConfig["routing"]): RouterSettings {
  return { share, mix, mostShare: budget === undefined ? 1 : shareOfBudget(budget) };
}

/** How the predictions of a rule are called in tables. */
export function ruleNames(rule: MixRule): Pick<NamedPredictions, "name" | "title"> {
  if (rule.kind === "addLogits") return { name: "add-logits", title: "CoReLLa, adding logits" };
  if (rule.calibration === undefined) return { name: "replace", title: "CoReLLa, replacing" };
  return { name: "replace-calibrated", title: "CoReLLa, replacing, calibrated" };
}

/** What was learned of a router, for a report. @param shareToLlm of the test part */
export function routerFacts({ rule, gain }: MixFit, shareToLlm: number): RecipeResult["facts"] {
  const weight = { label: "weight of the LLM's logit" };
  return [
    { label: "share to the LLM", value: `${(100 * shareToLlm).toFixed(1)} %` },
    ...(rule.kind === "addLogits" ? [{ ...weight, value: rule.weight.toFixed(3) }] : []),
    {
      label: "logloss that an answer of the LLM saves (validation, held out)",
      value: `${gain.mean.toFixed(4)} ± ${gain.standardError.toFixed(4)}`,
    },
  ];
}
