import type { Bundle } from "@corella/bundle";
import {
  aucCards,
  confidenceSections,
  evaluatePart,
  renderReport,
  type ModelPredictions,
  type PartFigures,
} from "@corella/evaluation";
import { rowSegments, type InteractionLog } from "@corella/modality";
import { routeAndMix, type MixRule } from "@corella/routing";
import type { Predictions } from "./predict.ts";

/** The bundle's models, and both by the bundle's policy: replaced as in the paper, and mixed; the last is what the bundle serves. */
export function models(
  { crm, llm, historyLengths }: Predictions,
  { router }: Pick<Bundle, "router">,
): ModelPredictions[] {
  const result: ModelPredictions[] = [];
  if (crm) result.push({ name: "crm", title: "CRM", probabilities: crm, shareToLlm: 0 });
  if (llm) result.push({ name: "llm", title: "LLM alone", probabilities: llm, shareToLlm: 1 });
  if (!crm || !llm || !router) return result;
  const { policy, mix } = router;
  const mixed = (rule: MixRule): Pick<ModelPredictions, "probabilities" | "shareToLlm"> => {
    const { toLlm, probabilities } = routeAndMix(crm, llm, policy, rule, { historyLengths });
    return { probabilities, shareToLlm: toLlm.length / crm.length };
  };
  // Where nothing goes to the LLM there is nothing to replace.
  if (policy.kind !== "none")
    result.push({ name: "replace", title: "CoReLLa, replacing", ...mixed({ kind: "replace" }) });
  if (mix.kind === "addLogits")
    result.push({ name: "add-logits", title: "CoReLLa, adding logits", ...mixed(mix) });
  else if (mix.calibration !== undefined)
    result.push({ name: "replace-calibrated", title: "CoReLLa, replacing, calibrated", ...mixed(mix) });
  return result;
}

/** What the figures are of, and how their intervals are made. */
export interface FigureOptions {
  readonly log: InteractionLog;
  /** Rows of the training part: what is new is not in it. */
  readonly train: Uint32Array;
  readonly seed: number;
  /** What the intervals draw: whole users, or row by row. */
  readonly intervals: "users" | "rows";
}

/** Figures of everything that a bundle predicts, also within segments; against its CRM, where it has both models. */
export function evaluatePredictions(
  predictions: Predictions,
  bundle: Pick<Bundle, "router">,
  { log, train, seed, intervals }: FigureOptions,
): PartFigures {
  const { rows, labels } = predictions;
  const baseline = bundle.router === undefined ? undefined : "crm";
  const groups = intervals === "users" ? Int32Array.from(rows, (row) => log.user[row]!) : undefined;
  const segments = rowSegments(log, train, rows);
  return evaluatePart(models(predictions, bundle), labels, segments, { seed, baseline, groups });
}

/** The self-contained report.html of an evaluation. */
export function report(
  title: string,
  predictions: Predictions,
  bundle: Bundle,
  { evaluation, segments, groups }: PartFigures,
): string {
  const all = models(predictions, bundle);
  const served = all.at(-1)!;
  return renderReport({
    title,
    summary: [
      { label: "samples", value: predictions.rows.length.toLocaleString("en") },
      ...aucCards(evaluation, ["crm", served.name]),
      { label: "share to the LLM", value: `${(100 * (served.shareToLlm ?? 0)).toFixed(1)} %` },
    ],
    evaluation,
    curves: [],
    ...confidenceSections({
      crm: predictions.crm,
      llm: predictions.llm,
      policy: bundle.router?.policy,
      models: all,
      labels: predictions.labels,
      groups,
    }),
    segments,
    details: [{ heading: "Configuration of the run", text: bundle.runConfig ?? "" }],
  });
}
