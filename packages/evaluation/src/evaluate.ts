import { CorellaError, nearestName } from "@corella/errors";
import {
  bootstrapDifference,
  bootstrapMetrics,
  delongTest,
  type BootstrapOptions,
  type DifferenceInterval,
  type MetricIntervals,
} from "@corella/metrics";
import type { ModelCost } from "./cost.ts";

/** What one model says of the samples; all models of an evaluation are of the same samples in the same order. */
export interface ModelPredictions {
  /** What programs and files find the model by, for example `crm`. */
  readonly name: string;
  /** What people call it; default: the name. */
  readonly title?: string | undefined;
  /** P(label = 1) of each sample. */
  readonly probabilities: Float32Array;
  /** Share of the samples that the LLM answered, 0..1. */
  readonly shareToLlm?: number | undefined;
  /** What it costs, for the tables. */
  readonly cost?: ModelCost | undefined;
}

/**
 * How intervals are made, and what models are compared with. With `groups`, the user of each sample, resamples draw whole
 * users, as one should where samples of a user go together.
 */
export interface EvaluationOptions extends BootstrapOptions {
  /** Name of the model that the others are compared with. */
  readonly baseline?: string | undefined;
}

/** A model against the baseline, on the same samples. */
export interface BaselineComparison {
  /** The model's AUC minus the baseline's, and its two-sided p-value, of the same resamples. Tables show this p-value. */
  readonly aucDifference: DifferenceInterval;
  /** Two-sided p-value of DeLong's test, which takes samples for independent of each other, those of a user too. */
  readonly deLongP: number;
}

/** The figures of one model, with their intervals. */
export interface EvaluationRow extends MetricIntervals {
  /** What programs and files find the model by. */
  readonly name: string;
  /** What people call it. */
  readonly title: string;
  readonly shareToLlm?: number | undefined;
  readonly cost?: ModelCost | undefined;
  /** Present for every model but the baseline, where there is one. */
  readonly versusBaseline?: BaselineComparison | undefined;
}

/** The figures of all models on the same samples, and how their intervals were made. */
export interface Evaluation {
  readonly rows: readonly EvaluationRow[];
  readonly count: number;
  readonly positives: number;
  readonly baseline?: string | undefined;
  /** How the intervals were made: number of resamples, seed and coverage. */
  readonly samples: number;
  readonly seed: number;
  readonly level: number;
  /** Number of users that resamples draw whole; undefined: samples are drawn row by row. */
  readonly groupCount?: number | undefined;
}

/**
 * AUC, logloss and accuracy of each model with percentile bootstrap intervals. Every model sees the same resamples, and
 * differences to the baseline are taken within each of them. The same input gives the same numbers.
 * Without `groups` samples are drawn one by one: where those of a user go together, true intervals are wider.
 * @throws CorellaError `evaluation/no-models`, `evaluation/no-samples`, `evaluation/duplicate-model`,
 * `evaluation/unknown-baseline`, `evaluation/not-a-share`; `metrics/...` with the model's name as its place.
 */
export function evaluateModels(
  models: readonly ModelPredictions[],
  labels: Float32Array,
  { samples = 1000, seed = 1, level = 0.95, groups, baseline }: EvaluationOptions = {},
): Evaluation {
  checkModels(models, labels);
  const baselineModel = findBaseline(models, baseline);
  const options = { samples, seed, level, groups };
  // Before any comparison, so that an error names the model whose predictions are at fault
  const metrics = models.map(({ name, probabilities }) =>
    namingModel(name, () => bootstrapMetrics(probabilities, labels, options)),
  );
  return {
    rows: models.map((model, index) => ({
      name: model.name,
      title: titleOf(model),
      ...metrics[index]!,
      ...(model.shareToLlm === undefined ? {} : { shareToLlm: model.shareToLlm }),
      ...(model.cost === undefined ? {} : { cost: model.cost }),
      ...(baselineModel === undefined || baselineModel === model
        ? {}
        : { versusBaseline: compare(model, baselineModel, labels, options) }),
    })),
    count: labels.length,
    positives: labels.reduce((sum, label) => sum + label, 0),
    ...(baselineModel === undefined ? {} : { baseline: baselineModel.name }),
    samples,
    seed,
    level,
    ...(groups === undefined ? {} : { groupCount: new Set(groups).size }),
  };
}

function compare(
  { name, probabilities }: ModelPredictions,
  baseline: ModelPredictions,
  labels: Float32Array,
  options: BootstrapOptions,
): BaselineComparison {
  return namingModel(name, () => ({
    aucDifference: bootstrapDifference(probabilities, baseline.probabilities, labels, options).auc,
    deLongP: delongTest(probabilities, baseline.probabilities, labels).pValue,
  }));
}

/**
 * Refuses models that are missing, share a name or have a share outside 0..1, and samples that are none.
 * @throws CorellaError `evaluation/no-models`, `evaluation/no-samples`, `evaluation/duplicate-model`,
 * `evaluation/not-a-share`
 */
export function checkModels(
  models: readonly Pick<ModelPredictions, "name" | "shareToLlm">[],
  labels: Float32Array,
): void {
  if (models.length === 0) {
    throw new CorellaError({
      code: "evaluation/no-models",
      message: "There is no model to evaluate.",
      place: "models",
      remedy: "Give the predictions of one model at least.",
    });
  }
  if (labels.length === 0) {
    throw new CorellaError({
      code: "evaluation/no-samples",
      message: "There are no samples to evaluate on.",
      place: "labels",
      remedy: "Look whether the split is empty.",
    });
  }
  const seen = new Set<string>();
  for (const { name, shareToLlm } of models) {
    if (seen.has(name)) {
      throw new CorellaError({
        code: "evaluation/duplicate-model",
        message: `Two models are called '${name}'.`,
        place: "models",
        remedy: "Give each model a name of its own.",
      });
    }
    seen.add(name);
    if (shareToLlm !== undefined && !(shareToLlm >= 0 && shareToLlm <= 1)) {
      throw new CorellaError({
        code: "evaluation/not-a-share",
        message: `The share ${shareToLlm} is not between 0 and 1.`,
        place: `model '${name}', shareToLlm`,
        remedy: "Give 0.3 for 30 % of the samples.",
      });
    }
  }
}

/**
 * The model that others are compared with; undefined where none is named.
 * @throws CorellaError `evaluation/unknown-baseline`
 */
export function findBaseline<Model extends { readonly name: string }>(
  models: readonly Model[],
  baseline: string | undefined,
): Model | undefined {
  if (baseline === undefined) return undefined;
  const found = models.find(({ name }) => name === baseline);
  if (found !== undefined) return found;
  const names = models.map(({ name }) => name);
  throw new CorellaError({
    code: "evaluation/unknown-baseline",
    message: `There is no model called '${baseline}' to compare with.`,
    place: "baseline",
    remedy: `Did you mean '${nearestName(baseline, names) ?? names[0]!}'? There are: ${names.join(", ")}.`,
  });
}

/** A model's title, or its name where it has none. */
export function titleOf({ name, title }: Pick<ModelPredictions, "name" | "title">): string {
  return title ?? name;
}

/** Title of the model that the others are compared with; undefined where there is none. */
export function baselineTitle({ rows, baseline }: Pick<Evaluation, "rows" | "baseline">): string | undefined {
  return rows.find(({ name }) => name === baseline)?.title;
}

/**
 * Runs a computation of `@corella/metrics`, whose errors do not know whose probabilities they are about: the model's
 * name is put before their place.
 */
export function namingModel<T>(name: string, compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    if (!CorellaError.isInstance(error)) throw error;
    const { code, message, place, remedy } = error;
    throw new CorellaError({
      code,
      message,
      place: place === undefined ? `model '${name}'` : `model '${name}', ${place}`,
      remedy,
      cause: error,
    });
  }
}
