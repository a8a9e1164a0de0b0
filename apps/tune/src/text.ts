import {
  rank,
  seedFigures,
  type PlannedTrial,
  type SeedFigures,
  type TriedConfig,
  type TuneResult,
} from "@corella/alignment";
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

/** What the best configuration trains, in a word. */
export function modelTitle({ kind, best }: TuneResult): string {
  return kind === "run" ? `run of ${best.config.recipe}` : best.config.crm.model;
}

/** The epoch of a trial's best validation; a dash for a whole run, whose phases have epochs of their own. */
function epochOfBest({ best, stepsPerEpoch }: TriedConfig["record"]): string {
  return best === undefined || stepsPerEpoch === 0 ? "–" : (best.step / stepsPerEpoch).toFixed(2);
}

/** Trials, the best first, as lines of a table. */
export function trialsTable(trials: readonly TriedConfig[]): { columns: string[]; rows: string[][] } {
  const names = shortNames(trials);
  const paths = [...names.keys()];
  const inUnits = trials.some(({ cpuSeconds }) => cpuSeconds !== undefined);
  return {
    columns: [
      "",
      ...paths.map((path) => names.get(path)!),
      "AUC",
      "logloss",
      "at epoch",
      "status",
      ...(inUnits ? ["rung", "CPU s"] : ["seconds"]),
    ],
    rows: rank(trials).map((trial, place) => {
      const { record, settings } = trial;
      return [
        String(place + 1),
        ...paths.map((path) => valueText(settings[path])),
        metric(record.best?.score),
        metric(record.best?.figures?.["logLoss"]),
        epochOfBest(record),
        `${record.status}${trial.reused ? ", kept" : ""}`,
        ...(inUnits
          ? [String((trial.rung ?? 0) + 1), (trial.cpuSeconds ?? 0).toFixed(1)]
          : [record.seconds.toFixed(0)]),
      ];
    }),
  };
}

/** A figure with four decimals; a dash where there is none. */
export function metric(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? "–" : value.toFixed(4);
}

/** Figures of what needs no model. */
export interface SimpleFigures extends Readonly<Record<keyof SeedFigures, number>> {
  readonly title: string;
}

/** Columns of every table of seeds, in their order, and the figures that they show. */
const figureColumns: readonly (readonly [title: string, figure: keyof SeedFigures])[] = [
  ["test AUC", "auc"],
  ["logloss", "logLoss"],
  ["accuracy", "accuracy"],
  ["GAUC", "groupAuc"],
  ["ECE", "calibrationError"],
  ["validation AUC", "validationAuc"],
  ["validation logloss", "validationLogLoss"],
];

/** The row of the paper's table, below what a model must beat. */
export function seedsTable(
  result: TuneResult,
  simple: readonly SimpleFigures[],
): { columns: string[]; rows: string[][] } {
  const { seeds } = result;
  const ofSeeds = seedFigures(seeds);
  return {
    columns: ["model", "seeds", ...figureColumns.map(([title]) => title)],
    rows: [
      ...simple.map((figures) => [
        figures.title,
        "",
        ...figureColumns.map(([, figure]) => formatSpread({ mean: figures[figure], deviation: Number.NaN })),
      ]),
      [
        modelTitle(result),
        String(seeds.length),
        ...figureColumns.map(([, figure]) => formatSpread(ofSeeds[figure])),
      ],
    ],
  };
}

/** A line for each seed, with the epoch of its best validation. */
export function eachSeedTable(seeds: readonly TriedConfig[]): { columns: string[]; rows: string[][] } {
  return {
    columns: ["seed", ...figureColumns.map(([title]) => title), "at epoch"],
    rows: seeds.map((seed) => {
      const figures = seedFigures([seed]);
      return [
        String(seed.config.seed),
        ...figureColumns.map(([, figure]) => metric(figures[figure].mean)),
        epochOfBest(seed.record),
      ];
    }),
  };
}
