import type { Bundle } from "@corella/bundle";
import {
  confidenceGroupAuc,
  entropyHistogram,
  evaluateModels,
  renderReport,
  type Evaluation,
  type ModelPredictions,
  type Report,
} from "@corella/evaluation";
import { boundaryShift, route, routeAndMix } from "@corella/routing";
import type { Predictions } from "./predict.ts";

/** The bundle's models, and both by the bundle's policy: replaced as in the paper, and mixed as the bundle does. */
export function models({ crm, llm }: Predictions, { router }: Pick<Bundle, "router">): ModelPredictions[] {
  const result: ModelPredictions[] = [];
  if (crm) result.push({ name: "crm", title: "CRM", probabilities: crm, shareToLlm: 0 });
  if (llm) result.push({ name: "llm", title: "LLM alone", probabilities: llm, shareToLlm: 1 });
  if (!crm || !llm || !router) return result;
  const { policy, mix } = router;
  const { toLlm, probabilities } = routeAndMix(crm, llm, policy, { kind: "replace" });
  const shareToLlm = toLlm.length / crm.length;
  result.push({ name: "replace", title: "CoReLLa, replacing", probabilities, shareToLlm });
  if (mix.kind === "addLogits") {
    const added = routeAndMix(crm, llm, policy, mix).probabilities;
    result.push({ name: "add-logits", title: "CoReLLa, adding logits", probabilities: added, shareToLlm });
  }
  return result;
}

/** Figures of everything that a bundle predicts; against its CRM, where it has both models. @param seed of the intervals */
export function evaluatePredictions(
  predictions: Predictions,
  bundle: Pick<Bundle, "router">,
  seed: number,
): Evaluation {
  const baseline = bundle.router === undefined ? undefined : "crm";
  return evaluateModels(models(predictions, bundle), predictions.labels, { seed, baseline });
}

/** The self-contained report.html of an evaluation. */
export function report(
  title: string,
  predictions: Predictions,
  bundle: Bundle,
  evaluation: Evaluation,
): string {
  const all = models(predictions, bundle);
  // The last is what the bundle serves.
  const shown = new Set(["crm", all.at(-1)!.name]);
  return renderReport({
    title,
    summary: [
      { label: "samples", value: predictions.rows.length.toLocaleString("en") },
      ...evaluation.rows
        .filter(({ name }) => shown.has(name))
        .map((row) => ({ label: `AUC of ${row.title}`, value: row.auc.estimate.toFixed(4) })),
      { label: "share to the LLM", value: `${(100 * (all.at(-1)!.shareToLlm ?? 0)).toFixed(1)} %` },
    ],
    evaluation,
    curves: [],
    ...byConfidence(predictions, bundle, all),
    details: [{ heading: "Configuration of the run", text: bundle.runConfig ?? "" }],
  });
}

/** By the confidence of the CRM, where there is one; with an LLM also how both draw their boundaries. */
function byConfidence(
  { crm, llm, labels }: Predictions,
  { router }: Bundle,
  all: readonly ModelPredictions[],
): Partial<Report> {
  if (crm === undefined) return {};
  const { entropy } = route(crm, { kind: "none" });
  const threshold = router?.policy.kind === "threshold" ? router.policy.entropy : undefined;
  return {
    confidenceGroups: confidenceGroupAuc(all, entropy, labels),
    entropyHistogram: entropyHistogram(entropy, threshold),
    ...(llm === undefined ? {} : { boundary: boundaryShift(crm, llm, labels) }),
  };
}
