import {
  bootstrapSeedDifference,
  expectedCalibrationError,
  groupAuc,
  spread,
  summary,
  type BootstrapOptions,
  type DifferenceInterval,
  type Spread,
} from "@corella/metrics";
import { checkModels, findBaseline, namingModel, titleOf, type EvaluationOptions } from "./evaluate.ts";

/** What a model says of the validation part, trained with one seed. */
export interface SeedValidation {
  /** P(label = 1) of each sample. */
  readonly probabilities: Float32Array;
  readonly labels: Float32Array;
  /** The user of each sample, where intervals are made by users. */
  readonly groups?: BootstrapOptions["groups"];
}

/** What a model says of the samples, once for each seed that it was trained with. */
export interface SeededPredictions {
  /** What programs and files find the model by. */
  readonly name: string;
  /** What people call it; default: the name. */
  readonly title?: string | undefined;
  /** P(label = 1) of each sample, by seed; of a model that nothing is drawn for, once. */
  readonly seeds: readonly Float32Array[];
  /** What it says of the validation part, by seed, each of the samples that it was asked about; absent where it was not asked. */
  readonly validation?: readonly SeedValidation[] | undefined;
  /** Share of the samples that the LLM answered, 0..1, in mean over the seeds. */
  readonly shareToLlm?: number | undefined;
  /** Minutes of training, in mean over the seeds. */
  readonly trainingMinutes?: number | undefined;
  /** Whether it is no model but what each must beat, as `simpleModels` gives it. */
  readonly isSimple?: boolean | undefined;
}

/** The figures of one model over its seeds. */
export interface SeedsRow extends Omit<SeededPredictions, "seeds" | "title" | "validation"> {
  /** What people call it. */
  readonly title: string;
  readonly auc: Spread;
  readonly logLoss: Spread;
  readonly accuracy: Spread;
  /** GAUC: the AUC within users; absent where users are unknown. */
  readonly groupAuc?: Spread | undefined;
  /** ECE, of 15 bins. */
  readonly calibrationError: Spread;
  /** The same model on the validation part, where it was asked about it. */
  readonly validation?: { readonly auc: Spread; readonly logLoss: Spread } | undefined;
  /** Its AUC minus the baseline's with the same seed, in mean over the seeds; absent of the baseline. */
  readonly aucDifference?: DifferenceInterval | undefined;
}

/** The figures of all models on the same samples, over several seeds. */
export interface SeedsEvaluation {
  readonly rows: readonly SeedsRow[];
  readonly count: number;
  readonly positives: number;
  /** Number of seeds. */
  readonly seeds: number;
  readonly baseline?: string | undefined;
  /** Number of users that resamples draw whole; undefined: samples are drawn row by row. */
  readonly groupCount?: number | undefined;
}

/** How figures over seeds are made: what models are compared with, and users for the GAUC; default: `groups`. */
export type SeedsOptions = BootstrapOptions & Pick<EvaluationOptions, "baseline" | "users">;

/**
 * AUC, logloss, accuracy, GAUC and ECE of each model, mean and standard deviation over its seeds, and the difference to the baseline
 * with an interval that holds both other seeds and other users (`groups`).
 * @param options.baseline name of the model that the others are compared with
 * @throws CorellaError those of `evaluateModels`
 */
export function evaluateSeeds(
  models: readonly SeededPredictions[],
  labels: Float32Array,
  { baseline, users, ...options }: SeedsOptions = {},
): SeedsEvaluation {
  checkModels(models, labels);
  const compared = findBaseline(models, baseline);
  const ofUsers = users ?? options.groups;
  const seeds = Math.max(...models.map((model) => model.seeds.length));
  return {
    rows: models.map((model) => {
      const { seeds: runs, validation = [], ...known } = model;
      /** A figure over the seeds. */
      const over = (figure: (probabilities: Float32Array) => number): Spread =>
        namingModel(model.name, () => spread(runs.map(figure)));
      const figures = namingModel(model.name, () => runs.map((run) => summary(run, labels)));
      const onValidation = namingModel(model.name, () =>
        validation.map((part) => summary(part.probabilities, part.labels)),
      );
      return {
        ...known,
        title: titleOf(model),
        auc: spread(figures.map(({ auc }) => auc)),
        logLoss: spread(figures.map(({ logLoss }) => logLoss)),
        accuracy: spread(figures.map(({ accuracy }) => accuracy)),
        calibrationError: over((run) => expectedCalibrationError(run, labels)),
        ...(ofUsers === undefined ? {} : { groupAuc: over((run) => groupAuc(run, labels, ofUsers)) }),
        ...(onValidation.length === 0
          ? {}
          : {
              validation: {
                auc: spread(onValidation.map(({ auc }) => auc)),
                logLoss: spread(onValidation.map(({ logLoss }) => logLoss)),
              },
            }),
        ...(compared === undefined || compared === model
          ? {}
          : { aucDifference: difference(model.name, runs, compared.seeds, labels, options) }),
      };
    }),
    count: labels.length,
    positives: labels.reduce((sum, label) => sum + label, 0),
    seeds,
    ...(compared === undefined ? {} : { baseline: compared.name }),
    ...(options.groups === undefined ? {} : { groupCount: new Set(options.groups).size }),
  };
}

/** A model that is the same for every seed stands beside each of the other's. */
function difference(
  name: string,
  a: readonly Float32Array[],
  b: readonly Float32Array[],
  labels: Float32Array,
  options: BootstrapOptions,
): DifferenceInterval {
  const count = Math.max(a.length, b.length);
  const each = (runs: readonly Float32Array[]): readonly Float32Array[] =>
    runs.length === 1 ? Array.from({ length: count }, () => runs[0]!) : runs;
  return namingModel(name, () => bootstrapSeedDifference(each(a), each(b), labels, options).auc);
}
