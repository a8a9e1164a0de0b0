import { boundaryShift, route, type RoutingPolicy } from "@corella/routing";
import { confidenceGroupAuc, entropyHistogram } from "../entropy.ts";
import type { Evaluation, ModelPredictions } from "../evaluate.ts";
import { formatMetric } from "../numbers.ts";
import type { Report, SummaryCard } from "./report.ts";

/** The AUC of some models as numbers of the first glance, in the evaluation's order. @param names of models that may be absent */
export function aucCards({ rows }: Evaluation, names: readonly string[]): SummaryCard[] {
  return rows
    .filter(({ name }) => names.includes(name))
    .map(({ title, auc }) => ({ label: `AUC of ${title}`, value: formatMetric(auc.estimate) }));
}

/** What `confidenceSections` needs of a run or an evaluation. */
export interface ConfidenceParts {
  /** P(label = 1) by the CRM; without it nothing can be said by its confidence. */
  readonly crm: Float32Array | undefined;
  /** P(label = 1) by the LLM; with it the report also tells how both draw their boundaries. */
  readonly llm: Float32Array | undefined;
  /** The policy between them, whose threshold is drawn. */
  readonly policy: RoutingPolicy | undefined;
  /** Those that are compared within groups of samples. */
  readonly models: readonly ModelPredictions[];
  readonly labels: Float32Array;
  /** The user of each sample, where intervals are made by users. */
  readonly groups?: Int32Array | Uint32Array | undefined;
}

/**
 * The sections of a report by the confidence of the CRM; none without a CRM.
 * @throws CorellaError those of `confidenceGroupAuc`, `route` and `boundaryShift`
 */
export function confidenceSections({
  crm,
  llm,
  policy,
  models,
  labels,
  groups,
}: ConfidenceParts): Pick<Report, "confidenceGroups" | "entropyHistogram" | "boundary"> {
  if (crm === undefined) return {};
  const { entropy } = route(crm, { kind: "none" });
  return {
    confidenceGroups: confidenceGroupAuc(models, entropy, labels, 3, { groups }),
    entropyHistogram: entropyHistogram(entropy, policy?.kind === "threshold" ? policy.entropy : undefined),
    ...(llm === undefined ? {} : { boundary: boundaryShift(crm, llm, labels) }),
  };
}
