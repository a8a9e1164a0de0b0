import type { CrmImportance, FeatureImportance } from "@corella/alignment";
import type { RankedBars, RankedSection } from "@corella/evaluation";

/** What the features are worth to the CRM as pictures, the most important first. */
export function importanceSection({ rows, shuffles, auc, logLoss, features }: CrmImportance): RankedSection {
  const bars = (title: string, xLabel: string, figure: "auc" | "logLoss"): RankedBars => ({
    title,
    xLabel,
    base: 0,
    digits: 4,
    bars: features
      .toSorted((a, b) => b[figure].mean - a[figure].mean)
      .map((feature: FeatureImportance) => ({
        label: feature.name,
        value: feature[figure].mean,
        spread: feature[figure].deviation,
      })),
  });
  return {
    model: "crm",
    heading: "What the CRM’s features are worth to it",
    note: `What the CRM loses on ${rows.toLocaleString("en")} samples of the validation part (AUC ${auc.toFixed(4)}, logloss ${logLoss.toFixed(4)}) when one feature’s values are shuffled among them: the mean of ${shuffles} shuffles, whiskers their standard deviation. Features that tell the same share what it is worth, so that all of them may look dispensable one by one.`,
    charts: [
      bars("How much the AUC falls", "AUC", "auc"),
      bars("How much the logloss rises", "logloss in nats", "logLoss"),
    ],
  };
}
