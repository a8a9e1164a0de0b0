import { spread, summary, type Spread } from "@corella/metrics";
import { fitMix, route, routeAndMix, thresholdForShare } from "@corella/routing";

/** What both models say of the same samples. */
export interface AnswersOfBoth {
  /** P(label = 1) by the CRM. */
  readonly crm: Float32Array;
  /** P(label = 1) by the LLM. */
  readonly llm: Float32Array;
  readonly labels: Float32Array;
  /** The user of each sample, where they are known: a router is fitted by users. */
  readonly users?: Int32Array | undefined;
}

/** Answers to the validation part, on which a router is fitted, and to the test part, of one seed. */
export interface BudgetSeed {
  readonly validation: AnswersOfBoth;
  readonly test: AnswersOfBoth;
}

/** What a share of samples that the LLM answers is worth. */
export interface BudgetPoint {
  /** Of the validation part, 0..1: what was asked for. */
  readonly share: number;
  /** Of the test part: what became of it. */
  readonly shareToLlm: number;
  /** The LLM's answers replace the CRM's. */
  readonly replacing: { readonly auc: Spread; readonly logLoss: Spread };
  /** Their logits are added with a weight that is fitted on the validation part for this share. */
  readonly adding: { readonly auc: Spread; readonly logLoss: Spread };
}

/** 0, 10, ... 100 %. */
const defaultShares: readonly number[] = Array.from({ length: 11 }, (_, tenth) => tenth / 10);

/**
 * Quality against the share of samples, the least certain first, that goes to the LLM: thresholds and weights are fitted
 * on the validation part, and what they do is measured on the test part, in mean over the seeds.
 * @throws CorellaError those of `@corella/routing` and `summary`
 */
export function budgetCurve(
  seeds: readonly BudgetSeed[],
  shares: readonly number[] = defaultShares,
): BudgetPoint[] {
  return shares.map((share) => {
    const points = seeds.map((seed) => pointOf(seed, share));
    const spreads = (kind: "replacing" | "adding"): BudgetPoint["adding"] => ({
      auc: spread(points.map((point) => point[kind].auc)),
      logLoss: spread(points.map((point) => point[kind].logLoss)),
    });
    return {
      share,
      shareToLlm: spread(points.map(({ shareToLlm }) => shareToLlm)).mean,
      replacing: spreads("replacing"),
      adding: spreads("adding"),
    };
  });
}

function pointOf({ validation, test }: BudgetSeed, share: number) {
  const { entropy } = route(validation.crm, { kind: "none" });
  const policy = { kind: "threshold", entropy: thresholdForShare(entropy, share) } as const;
  const { toLlm } = route(validation.crm, policy);
  const { crm: pCrm, llm: pLlm, labels, users } = validation;
  const { rule } = fitMix("addLogits", { pCrm, pLlm, labels, users }, toLlm);
  const replaced = routeAndMix(test.crm, test.llm, policy, { kind: "replace" });
  const added = routeAndMix(test.crm, test.llm, policy, rule);
  return {
    shareToLlm: replaced.toLlm.length / test.labels.length,
    replacing: summary(replaced.probabilities, test.labels),
    adding: summary(added.probabilities, test.labels),
  };
}
