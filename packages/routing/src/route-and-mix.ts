import { heardRows, mix, type MixRule } from "./mix.ts";
import { route, type Route, type RoutingPolicy } from "./route.ts";
import type { RoutingSignals } from "./signals.ts";

/**
 * The final probabilities where both models have answered every sample, as in an evaluation: the policy chooses the
 * samples whose answer is the LLM's (eq. 1), the rule mixes it with the CRM's.
 * @param pCrm P(label = 1) by the CRM @param pLlm P(label = 1) by the LLM (eq. 2), of the same samples
 * @param signals only a learned policy and a rule with segments ask for them
 * @returns in `toLlm` the rows that the policy sends and the rule listens to
 * @throws CorellaError those of `route` and `mix`
 */
export function routeAndMix(
  pCrm: Float32Array,
  pLlm: Float32Array,
  policy: RoutingPolicy,
  rule: MixRule,
  signals?: RoutingSignals,
): Route & { readonly probabilities: Float32Array } {
  const { entropy, toLlm: sent } = route(pCrm, policy, signals);
  const toLlm = heardRows(sent, rule, pCrm.length, signals);
  const answers = Float32Array.from(toLlm, (row) => pLlm[row]!);
  return { entropy, toLlm, probabilities: mix(pCrm, answers, toLlm, rule, signals) };
}
