import { baselineTitle, type Judged, type JudgedRow } from "./evaluate.ts";
import { formatDifference, formatLevel, formatShort } from "./numbers.ts";

/** What is said next to whoever hoped for more. */
const next =
  "Next: serve the CRM alone; or give the LLM more to bring, by a larger base, more training samples or texts of the items, and have the router ask it only where it gains on the validation part (routing.mix: addLogits).";

/**
 * What came of an evaluation, in sentences that do not flatter, and what to do next: the system against its baseline; a model
 * alone, which is the baseline or has none, against what needs no model. Empty where there is nothing to compare with.
 * @param served name of the predictions that are used @param asksNobody whether the router sends nothing to the LLM
 */
export function verdict(evaluation: Judged, served: string, asksNobody: boolean): string {
  const row = evaluation.rows.find(({ name }) => name === served);
  if (row === undefined) return "";
  const difference = row.versusBaseline?.aucDifference;
  if (difference === undefined) return alone(evaluation, row);
  if (Number.isNaN(difference.estimate))
    return "All samples are of one class: no AUC says which model is better.";
  const level = formatLevel(evaluation.level);
  const interval = `${formatDifference(difference.estimate)} AUC, ${level} interval ${formatDifference(difference.low)} to ${formatDifference(difference.high)}`;
  if (asksNobody) {
    const same = difference.low === 0 && difference.high === 0;
    const differs = same
      ? "The CRM answers alone."
      : `The CRM that answers alone differs by ${interval}, from ${baselineTitle(evaluation)}.`;
    return `The router sends nothing to the LLM: on the validation part its answers bring no more than chance does. ${differs}`;
  }
  if (difference.low > 0) return `CoReLLa is better than the CRM alone (${interval}).`;
  if (difference.high < 0) return `CoReLLa is worse than the CRM alone (${interval}). ${next}`;
  return `The LLM makes no difference that these samples can tell from chance (${interval}). ${next}`;
}

/** A model alone beside the best of what needs no model. */
function alone({ rows }: Judged, { title, auc }: JudgedRow): string {
  const best = rows
    .filter(({ isSimple, auc: simple }) => isSimple === true && Number.isFinite(simple.estimate))
    .toSorted((a, b) => b.auc.estimate - a.auc.estimate)[0];
  if (best === undefined || !Number.isFinite(auc.estimate)) return "";
  const difference = auc.estimate - best.auc.estimate;
  const named = `${best.title}, ${formatShort(best.auc.estimate)}`;
  if (difference > 0)
    return `${title} has an AUC of ${formatShort(auc.estimate)}: ${formatDifference(difference)} on the best that needs no model (${named}).`;
  return `${title} has an AUC of ${formatShort(auc.estimate)}, no better than the best that needs no model (${named}). Next: look at what each feature says alone, at the labels, and at the training's loss and rate.`;
}
