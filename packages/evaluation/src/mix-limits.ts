import { auc, logLoss, spread, type Spread } from "@corella/metrics";
import { correlation, logit, sigmoid } from "@corella/routing";
import type { AnswersOfBoth } from "./budget.ts";
import { formatMetric, formatSpread } from "./numbers.ts";
import { spreadRecord, type ResultTable } from "./result-table.ts";

/** What bounds all mixing of two models' answers to the same samples. */
export interface MixLimits {
  readonly aucCrm: number;
  readonly aucLlm: number;
  /** Pearson's, of the two logits. */
  readonly logitCorrelation: number;
  /** Pearson's, of the two errors y - p: 1 where the models fail alike, and nothing is to be gained. */
  readonly errorCorrelation: number;
  /** The weight of the LLM's logit, added for every sample, of the lowest logloss on these very samples: no fit elsewhere does better. */
  readonly bestWeight: number;
  /** AUC and logloss with that weight. */
  readonly bestAdding: { readonly auc: number; readonly logLoss: number };
  /** AUC and logloss if somebody knew of each sample whose answer is nearer to the label: the bound of all replacing. */
  readonly bestReplacing: { readonly auc: number; readonly logLoss: number };
}

/**
 * Bounds of mixing, from the labels of the samples themselves: what no threshold, weight or policy that is learned elsewhere can pass.
 * @throws CorellaError those of `auc` and `logLoss`
 */
export function mixLimits({ crm, llm, labels }: AnswersOfBoth): MixLimits {
  const ofCrm = Float64Array.from(crm, logit);
  const ofLlm = Float64Array.from(llm, logit);
  const { weight, bias } = bestLine(ofCrm, ofLlm, labels);
  const added = ofCrm.map((value, i) => sigmoid(value + weight * ofLlm[i]! + bias));
  const nearer = Float64Array.from(labels, (label, i) =>
    Math.abs(label - crm[i]!) <= Math.abs(label - llm[i]!) ? crm[i]! : llm[i]!,
  );
  const error = (p: Float32Array): Float64Array => Float64Array.from(p, (value, i) => labels[i]! - value);
  const figures = (p: Float64Array) => ({ auc: auc(p, labels), logLoss: logLoss(p, labels) });
  return {
    aucCrm: auc(crm, labels),
    aucLlm: auc(llm, labels),
    logitCorrelation: correlation(ofCrm, ofLlm),
    errorCorrelation: correlation(error(crm), error(llm)),
    bestWeight: weight,
    bestAdding: figures(added),
    bestReplacing: figures(nearer),
  };
}

/** The weight of x and the bias that minimise the logloss of sigmoid(offset + weight x + bias), by Newton's method. */
function bestLine(
  offset: Float64Array,
  x: Float64Array,
  labels: Float32Array,
): { readonly weight: number; readonly bias: number } {
  let [weight, bias] = [0, 0];
  for (let iteration = 0; iteration < 30; iteration++) {
    const [g, h] = [
      [0, 0],
      [0, 0, 0],
    ];
    for (const [i, value] of x.entries()) {
      const p = sigmoid(offset[i]! + weight * value + bias);
      const [residual, curvature] = [labels[i]! - p, p * (1 - p)];
      g[0]! += residual * value;
      g[1]! += residual;
      h[0]! += curvature * value * value;
      h[1]! += curvature * value;
      h[2]! += curvature;
    }
    const determinant = h[0]! * h[2]! - h[1]! ** 2;
    // An LLM that says the same of all has no weight.
    if (determinant <= 1e-9 * h[0]! * h[2]!) return { weight: 0, bias: 0 };
    weight += (g[0]! * h[2]! - g[1]! * h[1]!) / determinant;
    bias += (g[1]! * h[0]! - g[0]! * h[1]!) / determinant;
  }
  return { weight, bias };
}

/** Bounds of mixing over seeds as a table. */
export function mixLimitsTable(
  name: string,
  title: string,
  seeds: readonly MixLimits[],
  note: string,
): ResultTable {
  const of = (read: (limits: MixLimits) => number): Spread => spread(seeds.map(read));
  const rows: [key: string, title: string, value: Spread, digits: number][] = [
    ["aucCrm", "AUC of the CRM", of(({ aucCrm }) => aucCrm), 4],
    ["aucLlm", "AUC of the LLM", of(({ aucLlm }) => aucLlm), 4],
    ["logitCorrelation", "correlation of their logits", of((each) => each.logitCorrelation), 3],
    ["errorCorrelation", "correlation of their errors", of((each) => each.errorCorrelation), 3],
    ["bestWeight", "best weight of the LLM's logit, everywhere", of(({ bestWeight }) => bestWeight), 3],
    ["aucAdding", "AUC with it", of(({ bestAdding }) => bestAdding.auc), 4],
    ["logLossAdding", "logloss with it", of(({ bestAdding }) => bestAdding.logLoss), 4],
    ["aucReplacing", "AUC, the nearer answer of each sample", of((each) => each.bestReplacing.auc), 4],
    ["logLossReplacing", "logloss of these", of(({ bestReplacing }) => bestReplacing.logLoss), 4],
  ];
  return {
    name,
    title,
    note,
    columns: ["", "value"],
    rows: rows.map(([, said, value, digits]) => [
      said,
      digits === 4 ? formatSpread(value) : formatMetric(value.mean, digits),
    ]),
    records: rows.map(([key, said, value]) => ({
      figure: key,
      title: said,
      ...spreadRecord("value", value),
    })),
  };
}
