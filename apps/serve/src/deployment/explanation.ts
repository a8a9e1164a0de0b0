import type { Prediction, Router } from "@corella/bundle";
import type { RatingRecord } from "@corella/modality";
import {
  heardRows,
  mix,
  predictedGains,
  route,
  segmentsOfRule,
  type MixRule,
  type RoutingPolicy,
  type RoutingSignals,
} from "@corella/routing";
import type { FeatureValue } from "./feature-values.ts";
import type { PromptRead } from "./model-inputs.ts";

/** Which way a sample goes, and why. */
export interface RoutingExplained {
  readonly policy: RoutingPolicy;
  /** What the policy compares: entropy in nats, or the expected gain of logloss in nats. */
  readonly value?: number;
  /** What it compares with. */
  readonly threshold?: number;
  /** Whether the LLM's answer counts. */
  readonly toLlm: boolean;
  /** In a sentence. */
  readonly why: string;
  /** Events of the history that the sample tells; events of its user, and of its item where they are counted, before it. */
  readonly historyLength: number;
  readonly userEvents?: number;
  readonly itemEvents?: number;
}

/** What both answers make together. */
export interface MixExplained {
  readonly rule: MixRule;
  /** What the LLM's logit is multiplied by for this sample; only where logits are added. */
  readonly weight?: number;
  readonly bias?: number;
  /** The probability of both, whether the sample goes to the LLM or not. */
  readonly probability: number;
}

/** What would be said of a sample, and why. */
export interface Explanation extends Omit<Prediction, "degraded"> {
  readonly record: RatingRecord;
  readonly features?: readonly FeatureValue[];
  readonly routing?: RoutingExplained;
  readonly mix?: MixExplained;
  readonly prompt?: PromptRead;
}

/**
 * What a router makes of the answers of both models.
 * @param asked of both models, whatever the router says
 */
export function explainRouting(
  { policy, mix: rule }: Router,
  { pCrm, pLlm }: Pick<Prediction, "pLlm"> & { readonly pCrm: number },
  signals: RoutingSignals,
): Pick<Explanation, "probability" | "route" | "routing" | "mix"> {
  const crm = Float32Array.of(pCrm);
  const { toLlm: sent, entropy } = route(crm, policy, signals);
  const goes = sent.length > 0;
  const toLlm = heardRows(sent, rule, 1, signals).length > 0;
  const compared = comparison(policy, crm, entropy[0]!, signals);
  const mixed =
    pLlm === undefined ? undefined : mix(crm, Float32Array.of(pLlm), Uint32Array.of(0), rule, signals)[0]!;
  const first = (values: ArrayLike<number> | undefined): number | undefined => values?.[0];
  const [userEvents, itemEvents] = [first(signals.userEvents), first(signals.itemEvents)];
  return {
    probability: toLlm ? (mixed ?? pCrm) : pCrm,
    route: toLlm && mixed !== undefined ? "llm" : "crm",
    routing: {
      policy,
      ...compared,
      toLlm,
      why: why(policy, compared, goes, toLlm),
      historyLength: signals.historyLengths[0]!,
      ...(userEvents === undefined ? {} : { userEvents }),
      ...(itemEvents === undefined ? {} : { itemEvents }),
    },
    ...(mixed === undefined ? {} : { mix: { rule, ...weightOf(rule, signals), probability: mixed } }),
  };
}

type Comparison = Pick<RoutingExplained, "value" | "threshold">;

function comparison(
  policy: RoutingPolicy,
  pCrm: Float32Array,
  entropy: number,
  signals: RoutingSignals,
): Comparison {
  if (policy.kind === "threshold") return { value: entropy, threshold: policy.entropy };
  if (policy.kind === "gain")
    return { value: predictedGains(pCrm, policy.model, signals)[0]!, threshold: policy.above };
  return policy.kind === "budget" ? { value: entropy } : {};
}

function why(policy: RoutingPolicy, { value, threshold }: Comparison, goes: boolean, heard: boolean): string {
  const asked = goes ? "the LLM is asked" : "the CRM answers alone";
  const unheard =
    goes && !heard ? " But its weight is 0 for samples like this one, so the CRM answers alone." : "";
  const compared = `${value?.toPrecision(4)} nats, ${goes ? "above" : "not above"} the threshold of ${threshold?.toPrecision(4)}`;
  switch (policy.kind) {
    case "threshold":
      return `The entropy of the CRM's answer is ${compared}: ${asked}.${unheard}`;
    case "gain":
      return `The LLM is expected to lower the logloss by ${compared}: ${asked}.${unheard}`;
    case "budget":
      return `The LLM is asked about the ${100 * policy.share} % of a request's samples that have the highest entropy; of this one alone ${asked}.${unheard}`;
    case "none":
      return "The bundle's router asks the LLM about no sample.";
    case "all":
      return `The bundle's router asks the LLM about every sample.${unheard}`;
  }
}

function weightOf(rule: MixRule, signals: RoutingSignals): Pick<MixExplained, "weight" | "bias"> {
  if (rule.kind === "replace") return {};
  const { weight, bias = 0, segments } = rule;
  const segment = segmentsOfRule(rule, 1, signals)?.[0];
  return segments === undefined || segment === undefined
    ? { weight, bias }
    : { weight: segments.weights[segment]!, bias: segments.biases[segment]! };
}
