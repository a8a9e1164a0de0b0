import { rank, seedFigures, type TriedConfig, type TuneResult } from "@corella/alignment";
import { seedsWords, type Curve, type Page, type ReportTable } from "@corella/evaluation";
import { duration } from "@corella/terminal";
import type { Beside } from "./beside.ts";
import { promotionsText, rungsTable } from "./rungs-text.ts";
import {
  eachSeedTable,
  metric,
  modelTitle,
  seedsTable,
  settingsText,
  shortNames,
  trialsTable,
  valueText,
} from "./text.ts";

/** As many lines as there are colours. */
const drawnTrials = 8;

/** The page of a search: what was found, how the trials went, and what each setting did. */
export function tunePage(
  name: string,
  result: TuneResult,
  { simple, verdict, warnings }: Beside,
  bestYaml: string,
): Page {
  const { trials, best, seeds } = result;
  const { auc, logLoss, accuracy } = seedFigures(seeds);
  const names = shortNames(trials);
  const searched = trials.length > 1;
  const { rungs } = result;
  const inRungs = rungs !== undefined && rungs.ends.length > 1;
  return {
    title: `corella tune: ${name}, ${modelTitle(result)}`,
    subtitle: searched
      ? `Chosen by the validation AUC among ${trials.length} configurations: ${settingsText(best, names)}`
      : "One configuration with several seeds",
    summary: [
      { label: "test AUC", value: metric(auc.mean) },
      { label: "test logloss", value: metric(logLoss.mean) },
      { label: "test accuracy", value: metric(accuracy.mean) },
      { label: "seeds", value: String(seeds.length) },
      ...(searched ? [{ label: "configurations", value: String(trials.length) }] : []),
      ...(rungs === undefined
        ? []
        : [{ label: "CPU time of the search", value: duration(1000 * rungs.cpuSeconds) }]),
    ],
    tables: [
      { heading: "On the test part, mean and standard deviation", table: seedsTable(result, simple) },
      { heading: "Each seed", table: eachSeedTable(seeds) },
      ...(searched
        ? [
            { heading: "Configurations, the best first", table: trialsTable(trials) },
            ...(inRungs ? [{ heading: "Rungs of successive halving", table: rungsTable(rungs) }] : []),
            { heading: "What each setting did", table: bySetting(trials, names) },
          ]
        : []),
    ],
    curves: [
      ...(searched
        ? [
            validationCurve(
              "Validation AUC of the best configurations",
              rank(trials).slice(0, drawnTrials),
              (trial) => settingsText(trial, names),
            ),
            ...settingCurves(trials, names),
          ]
        : []),
      validationCurve(
        "Validation AUC of the seeds",
        seeds.slice(0, drawnTrials),
        (trial) => `seed ${trial.config.seed}`,
      ),
    ],
    charts: [],
    verdict,
    warnings,
    glossary: seedsWords,
    details: [
      { heading: "The best configuration", text: bestYaml },
      ...(inRungs ? [{ heading: "Promotions, in their order", text: promotionsText(rungs) }] : []),
    ],
  };
}

function validationCurve(
  title: string,
  trials: readonly TriedConfig[],
  nameOf: (trial: TriedConfig) => string,
): Curve {
  return {
    title,
    xLabel: "epoch",
    yLabel: "AUC",
    // The validation before the first step would press all others together.
    series: trials.map((trial) => ({
      name: nameOf(trial),
      points: trial.record.validations
        .filter(({ step }) => step > 0 && trial.record.stepsPerEpoch > 0)
        .map(({ step, score }): [number, number] => [step / trial.record.stepsPerEpoch, score]),
    })),
  };
}

interface Group {
  readonly value: unknown;
  readonly scores: readonly number[];
}

/** AUCs by value of a setting, in the order of the values; trials that were stopped early would only blur it. */
function groupsOf(trials: readonly TriedConfig[], path: string): Group[] {
  const groups = new Map<string, { value: unknown; scores: number[] }>();
  for (const { settings, record } of trials) {
    if (record.status !== "finished" || !(path in settings)) continue;
    const key = JSON.stringify(settings[path]);
    const group = groups.get(key) ?? { value: settings[path], scores: [] };
    group.scores.push(record.best!.score);
    groups.set(key, group);
  }
  const order = ({ value }: Group): number => (typeof value === "number" ? value : 0);
  return [...groups.values()].toSorted((a, b) => order(a) - order(b));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function bySetting(trials: readonly TriedConfig[], names: ReadonlyMap<string, string>): ReportTable {
  return {
    columns: ["setting", "value", "finished trials", "best AUC", "mean AUC"],
    rows: [...names].flatMap(([path, name]) =>
      groupsOf(trials, path).map(({ value, scores }) => [
        name,
        valueText(value),
        String(scores.length),
        metric(Math.max(...scores)),
        metric(mean(scores)),
      ]),
    ),
  };
}

/** A picture for each setting of numbers with three values or more. */
function settingCurves(trials: readonly TriedConfig[], names: ReadonlyMap<string, string>): Curve[] {
  return [...names].flatMap(([path, name]): Curve[] => {
    const groups = groupsOf(trials, path);
    const values = groups.map(({ value }) => value).filter((value) => typeof value === "number");
    if (values.length < 3 || values.length < groups.length) return [];
    const logarithmic = values[0]! > 0 && values.at(-1)! / values[0]! >= 10;
    const x = values.map((value) => (logarithmic ? Math.log10(value) : value));
    const line = (of: string, figure: (scores: readonly number[]) => number): Curve["series"][number] => ({
      name: of,
      points: groups.map(({ scores }, i): [number, number] => [x[i]!, figure(scores)]),
    });
    return [
      {
        title: `Validation AUC by ${name}`,
        xLabel: logarithmic ? `log10 of ${name}` : name,
        yLabel: "AUC",
        series: [line("best", (scores) => Math.max(...scores)), line("mean", mean)],
      },
    ];
  });
}
