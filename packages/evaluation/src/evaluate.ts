import { CorellaError, nearestName } from "@corella/errors";
import {
  bootstrapModels,
  delongTest,
  expectedCalibrationError,
  groupAuc,
  type BootstrapOptions,
  type DifferenceInterval,
  type Interval,
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
  /** Whether it is no model but what each must beat, as `simpleModels` gives it: in tables, not in pictures. */
  readonly isSimple?: boolean | undefined;
}

/**
 * How intervals are made, and what models are compared with. With `groups`, the user of each sample, resamples draw whole
 * users, as one should where samples of a user go together.
 */
export interface EvaluationOptions extends BootstrapOptions {
  /** Name of the model that the others are compared with. */
  readonly baseline?: string | undefined;
  /** The user of each sample, for the GAUC; default: `groups`. */
  readonly users?: BootstrapOptions["groups"];
  /** How many samples there are in all, where these are some of them, and how they were chosen. */
  readonly sampledFrom?: SampledFrom | undefined;
  /** What the same models say of another part of the data, by which they were chosen. */
  readonly validation?: ValidationPart | undefined;
}

/** Where samples were taken from: how many there are in all, and how some were chosen. */
export interface SampledFrom {
  readonly count: number;
  /** In words: `all those of 431 random users`. */
  readonly how: string;
}

/** What models say of the part of the data by which they were chosen. */
export interface ValidationPart {
  /** By the names of the models; those that said nothing of it are absent. */
  readonly models: readonly Pick<ModelPredictions, "name" | "probabilities">[];
  readonly labels: Float32Array;
  /** The user of each sample, where intervals are made by users. */
  readonly groups?: BootstrapOptions["groups"];
}

/** A model on the part of the data by which it was chosen. */
export interface ValidationFigures {
  readonly count: number;
  readonly auc: Interval;
  /** In nats. */
  readonly logLoss: Interval;
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
  /** Whether it is no model but what each must beat. */
  readonly isSimple?: boolean | undefined;
  /** GAUC: the mean of the AUCs within users, weighted by their samples; NaN where no user has both classes, absent where users are unknown. */
  readonly groupAuc?: number | undefined;
  /** ECE: how far probabilities are from the share of positives, in 15 bins of equal width. */
  readonly calibrationError?: number | undefined;
  /** The same model on the part by which it was chosen, where that is known. */
  readonly validation?: ValidationFigures | undefined;
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
  /** Where these are not all samples of the part: of how many, and how they were chosen. */
  readonly sampledFrom?: SampledFrom | undefined;
}

/**
 * AUC, logloss and accuracy of each model with percentile bootstrap intervals. Every model sees the same resamples, and
 * differences to the baseline are taken within each of them. The same input gives the same numbers.
 * Without `groups` samples are drawn one by one: where those of a user go together, true intervals are wider.
 * @throws CorellaError `evaluation/no-models`, `evaluation/no-samples`, `evaluation/duplicate-model`,
 * `evaluation/unknown-baseline`, `evaluation/not-a-share`; `metrics/...` with the model's name as its place.
 * @example
 * ```ts
 * import { evaluateModels, formatTable } from "@corella/evaluation";
 *
 * const labels = Float32Array.from({ length: 100 }, (_, row) => row % 2);
 * const evaluation = evaluateModels([{ name: "CRM", probabilities: labels.map((label) => 0.3 + 0.4 * label) }], labels);
 * console.log(/CRM +1\.0000/.test(formatTable(evaluation))); // true
 * ```
 */
export function evaluateModels(
  models: readonly ModelPredictions[],
  labels: Float32Array,
  {
    samples = 1000,
    seed = 1,
    level = 0.95,
    groups,
    baseline,
    users = groups,
    sampledFrom,
    validation,
  }: EvaluationOptions = {},
): Evaluation {
  checkModels(models, labels);
  const baselineModel = findBaseline(models, baseline);
  const options = { samples, seed, level, groups };
  // Before the resamples, so that an error names the model whose predictions are at fault
  const once = models.map(({ name, probabilities }) =>
    namingModel(name, () => ({
      calibrationError: expectedCalibrationError(probabilities, labels),
      ...(users === undefined ? {} : { groupAuc: groupAuc(probabilities, labels, users) }),
    })),
  );
  const figures = bootstrapModels(
    models.map(({ probabilities }) => probabilities),
    labels,
    { ...options, baseline: baselineModel && models.indexOf(baselineModel) },
  );
  const onValidation = validationFigures(validation, options);
  return {
    rows: models.map((model, index): EvaluationRow => {
      const { name, shareToLlm, cost, isSimple } = model;
      const { metrics, difference } = figures[index]!;
      const chosenBy = onValidation.get(name);
      return {
        name,
        title: titleOf(model),
        ...metrics,
        ...once[index]!,
        ...(chosenBy === undefined ? {} : { validation: chosenBy }),
        ...(shareToLlm === undefined ? {} : { shareToLlm }),
        ...(cost === undefined ? {} : { cost }),
        ...(isSimple === true ? { isSimple } : {}),
        ...(difference === undefined
          ? {}
          : {
              versusBaseline: {
                aucDifference: difference.auc,
                deLongP: delongTest(model.probabilities, baselineModel!.probabilities, labels).pValue,
              },
            }),
      };
    }),
    count: labels.length,
    positives: labels.reduce((sum, label) => sum + label, 0),
    ...(baselineModel === undefined ? {} : { baseline: baselineModel.name }),
    samples,
    seed,
    level,
    ...(groups === undefined ? {} : { groupCount: new Set(groups).size }),
    ...(sampledFrom === undefined ? {} : { sampledFrom }),
  };
}

function validationFigures(
  part: ValidationPart | undefined,
  options: BootstrapOptions,
): ReadonlyMap<string, ValidationFigures> {
  if (part === undefined || part.labels.length === 0) return new Map();
  const { models, labels, groups } = part;
  for (const { name, probabilities } of models)
    namingModel(name, () => expectedCalibrationError(probabilities, labels));
  const figures = bootstrapModels(
    models.map(({ probabilities }) => probabilities),
    labels,
    { ...options, groups },
  );
  return new Map(
    models.map(({ name }, place) => {
      const { auc, logLoss } = figures[place]!.metrics;
      return [name, { count: labels.length, auc, logLoss }];
    }),
  );
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

/** Whether a table says which share of the samples the LLM answered: where it answers any. */
export function asksLlm(rows: readonly Pick<ModelPredictions, "shareToLlm">[]): boolean {
  return rows.some(({ shareToLlm }) => shareToLlm !== undefined && shareToLlm > 0);
}

/** A model's title, or its name where it has none. */
export function titleOf({ name, title }: Pick<ModelPredictions, "name" | "title">): string {
  return title ?? name;
}

/** What verdicts and warnings read of a model's figures. */
export interface JudgedRow extends Pick<
  EvaluationRow,
  "name" | "title" | "isSimple" | "auc" | "logLoss" | "validation"
> {
  readonly versusBaseline?: Pick<BaselineComparison, "aucDifference"> | undefined;
}

/** What verdicts and warnings read: an `Evaluation`, or the figures of several seeds by `judgedSeeds`. */
export interface Judged extends Pick<Evaluation, "baseline" | "level"> {
  readonly rows: readonly JudgedRow[];
}

/** Title of the model that the others are compared with; undefined where there is none. */
export function baselineTitle({ rows, baseline }: Pick<Judged, "rows" | "baseline">): string | undefined {
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
