import { bootstrapModels, type BootstrapOptions, type Interval } from "@corella/metrics";
import type { Judged, JudgedRow } from "./evaluate.ts";
import type { SeededPredictions, SeedsEvaluation } from "./seeds.ts";

/** Coverage of the intervals. */
const level = 0.95;

/**
 * Figures over seeds as verdicts and warnings read them. Their intervals are the means over the seeds of each seed's own ends: a
 * little wider than those of the means, so that what is said by them is said with care.
 * @param models what the evaluation was made of
 * @throws CorellaError those of `bootstrapModels`
 */
export function judgedSeeds(
  { rows, baseline }: SeedsEvaluation,
  models: readonly SeededPredictions[],
  labels: Float32Array,
  options: BootstrapOptions = {},
): Judged {
  return {
    level,
    baseline,
    rows: models.map((model, place): JudgedRow => {
      const { name, title, isSimple, aucDifference } = rows[place]!;
      const { validation = [] } = model;
      const [first] = validation;
      return {
        name,
        title,
        isSimple,
        ...meanIntervals(
          model.seeds.map((probabilities) => ({ probabilities, labels, groups: options.groups })),
          options,
        ),
        ...(first === undefined
          ? {}
          : { validation: { count: first.labels.length, ...meanIntervals(validation, options) } }),
        ...(aucDifference === undefined ? {} : { versusBaseline: { aucDifference } }),
      };
    }),
  };
}

/** The figures of one model with several seeds. */
function meanIntervals(
  seeds: readonly {
    readonly probabilities: Float32Array;
    readonly labels: Float32Array;
    readonly groups?: BootstrapOptions["groups"];
  }[],
  options: BootstrapOptions,
): { readonly auc: Interval; readonly logLoss: Interval } {
  const figures = seeds.map(({ probabilities, labels, groups }) => {
    return bootstrapModels([probabilities], labels, { ...options, level, groups })[0]!.metrics;
  });
  const meanOf = (figure: "auc" | "logLoss"): Interval => {
    const end = (of: keyof Interval): number =>
      figures.reduce((sum, each) => sum + each[figure][of], 0) / figures.length;
    return { estimate: end("estimate"), low: end("low"), high: end("high") };
  };
  return { auc: meanOf("auc"), logLoss: meanOf("logLoss") };
}
