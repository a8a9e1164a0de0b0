import type { Bundle, Router } from "@corella/bundle";
import {
  confidenceGroupAuc,
  entropyHistogram,
  evaluateModels,
  renderReport,
  type Evaluation,
  type ModelPredictions,
} from "@corella/evaluation";
import { boundaryShift, mix, route } from "@corella/routing";
import type { Predictions } from "./predict.ts";

const baseline = "CRM";

/** The bundle's CRM, its LLM, and both by the bundle's policy: replaced as in the paper, and mixed as the bundle does. */
export function models({ crm, llm }: Predictions, router: Router): ModelPredictions[] {
  const { toLlm } = route(crm, router.policy);
  const answers = Float32Array.from(toLlm, (row) => llm[row]!);
  const shareToLlm = toLlm.length / crm.length;
  const result: ModelPredictions[] = [
    { name: baseline, probabilities: crm, shareToLlm: 0 },
    { name: "LLM alone", probabilities: llm, shareToLlm: 1 },
    { name: "CoReLLa, replacing", probabilities: mix(crm, answers, toLlm, { kind: "replace" }), shareToLlm },
  ];
  if (router.mix.kind === "addLogits") {
    result.push({
      name: "CoReLLa, adding logits",
      probabilities: mix(crm, answers, toLlm, router.mix),
      shareToLlm,
    });
  }
  return result;
}

export function evaluatePredictions(predictions: Predictions, router: Router, seed: number): Evaluation {
  return evaluateModels(models(predictions, router), predictions.labels, { seed, baseline });
}

/** The self-contained report.html of an evaluation. */
export function report(
  title: string,
  predictions: Predictions,
  bundle: Bundle,
  evaluation: Evaluation,
): string {
  const router = bundle.router!;
  const { entropy } = route(predictions.crm, { kind: "none" });
  const threshold = router.policy.kind === "threshold" ? router.policy.entropy : undefined;
  const all = models(predictions, router);
  return renderReport({
    title,
    summary: [
      { label: "samples", value: predictions.rows.length.toLocaleString("en") },
      { label: "AUC of the CRM", value: evaluation.rows[0]!.auc.estimate.toFixed(4) },
      { label: "AUC of CoReLLa", value: evaluation.rows.at(-1)!.auc.estimate.toFixed(4) },
      { label: "share to the LLM", value: `${(100 * (all.at(-1)!.shareToLlm ?? 0)).toFixed(1)} %` },
    ],
    evaluation,
    curves: [],
    confidenceGroups: confidenceGroupAuc(all, entropy, predictions.labels),
    entropyHistogram: entropyHistogram(entropy, threshold),
    boundary: boundaryShift(predictions.crm, predictions.llm, predictions.labels),
    details: [{ heading: "Configuration of the run", text: bundle.runConfig ?? "" }],
  });
}
