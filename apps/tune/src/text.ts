import { rank, seedFigures, type PlannedTrial, type TriedConfig, type TuneResult } from "@corella/alignment";
import { formatSpread } from "@corella/evaluation";

/** `stages.warmUp.learningRate` -> `learningRate`, as long as no other setting ends alike. */
export function shortNames(trials: readonly PlannedTrial[]): Map<string, string> {
  const paths = [...new Set(trials.flatMap(({ settings }) => Object.keys(settings)))];
  const last = (path: string): string => path.slice(path.lastIndexOf(".") + 1);
  return new Map(
    paths.map((path) => [
      path,
      paths.filter((other) => last(other) === last(path)).length > 1 ? path : last(path),
    ]),
  );
}

/** The settings of a trial in words. */
export function settingsText({ settings }: PlannedTrial, names: ReadonlyMap<string, string>): string {
  return Object.entries(settings)
    .map(([path, value]) => `${names.get(path) ?? path} ${valueText(value)}`)
    .join(", ");
}

/** A setting's value as it would be written on the command line. */
export function valueText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Trials, the best first, as lines of a table. */
export function trialsTable(trials: readonly TriedConfig[]): { columns: string[]; rows: string[][] } {
  const names = shortNames(trials);
  const paths = [...names.keys()];
  return {
    columns: [
      "",
      ...paths.map((path) => names.get(path)!),
      "AUC",
      "logloss",
      "at epoch",
      "status",
      "seconds",
    ],
    rows: rank(trials).map((trial, place) => {
      const { record, settings } = trial;
      return [
        String(place + 1),
        ...paths.map((path) => valueText(settings[path])),
        metric(record.best?.score),
        metric(record.best?.figures?.["logLoss"]),
        record.best === undefined ? "–" : (record.best.step / record.stepsPerEpoch).toFixed(2),
        `${record.status}${trial.reused ? ", kept" : ""}`,
        record.seconds.toFixed(0),
      ];
    }),
  };
}

/** A figure with four decimals; a dash where there is none. */
export function metric(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? "–" : value.toFixed(4);
}

/** Figures of what needs no model, of the test and the validation part. */
export interface SimpleFigures {
  readonly title: string;
  readonly test: FiguresOfPart;
  readonly validation: FiguresOfPart;
}

/** Figures of one part of the data. */
export interface FiguresOfPart {
  readonly auc: number;
  readonly logLoss: number;
  readonly accuracy: number;
  readonly groupAuc: number;
  readonly calibrationError: number;
}

/** The row of the paper's table, below what a model must beat. */
export function seedsTable(
  { best, seeds }: TuneResult,
  simple: readonly SimpleFigures[],
): { columns: string[]; rows: string[][] } {
  const figures = seedFigures(seeds);
  const one = (value: number): string => formatSpread({ mean: value, deviation: Number.NaN });
  return {
    columns: [
      "model",
      "seeds",
      "test AUC",
      "logloss",
      "accuracy",
      "GAUC",
      "ECE",
      "validation AUC",
      "validation logloss",
    ],
    rows: [
      ...simple.map(({ title, test, validation }) => [
        title,
        "",
        ...[test.auc, test.logLoss, test.accuracy, test.groupAuc, test.calibrationError].map(one),
        ...[validation.auc, validation.logLoss].map(one),
      ]),
      [
        best.config.crm.model,
        String(seeds.length),
        ...[
          figures.auc,
          figures.logLoss,
          figures.accuracy,
          figures.groupAuc,
          figures.calibrationError,
          figures.validationAuc,
          figures.validationLogLoss,
        ].map(formatSpread),
      ],
    ],
  };
}
