import { partWarnings, prepareData, seedFigures, validationRows, type TuneResult } from "@corella/alignment";
import { figureWarnings, simpleModels, type Evaluation, type EvaluationRow } from "@corella/evaluation";
import { expectedCalibrationError, groupAuc, summary, type Spread } from "@corella/metrics";
import type { FiguresOfPart, SimpleFigures } from "./text.ts";

/** What stands beside a search's result: what needs no model, and what is wrong with data and figures. */
export interface Beside {
  readonly simple: readonly SimpleFigures[];
  readonly warnings: readonly string[];
}

/** Looks at the data of the best configuration. @param places as of the search */
export async function besideOf(
  { best, seeds }: TuneResult,
  { baseFolder, cacheFolder }: { readonly baseFolder: string; readonly cacheFolder: string },
): Promise<Beside> {
  const data = await prepareData(best.config, baseFolder, cacheFolder);
  const { log, split, featureMap, labels } = data;
  const { choosing } = validationRows(best.config, data);
  const figures = (rows: Uint32Array): Map<string, FiguresOfPart> =>
    new Map(
      simpleModels(log, split.train, rows).map(({ name, probabilities }) => {
        const truth = labels(rows);
        const users = Array.from(rows, (row) => log.user[row]!);
        return [
          name,
          {
            ...summary(probabilities, truth),
            groupAuc: groupAuc(probabilities, truth, users),
            calibrationError: expectedCalibrationError(probabilities, truth),
          },
        ];
      }),
    );
  const [test, validation] = [figures(split.test), figures(choosing)];
  const simple = simpleModels(log, split.train, []).map(({ name, title = name }) => ({
    name,
    title,
    test: test.get(name)!,
    validation: validation.get(name)!,
  }));
  const { auc, logLoss, accuracy, validationAuc, validationLogLoss } = seedFigures(seeds);
  const rows: EvaluationRow[] = [
    ...simple.map(({ name, title, test: of }) => ({
      name,
      title,
      isSimple: true,
      auc: exactly(of.auc),
      logLoss: exactly(of.logLoss),
      accuracy: exactly(of.accuracy),
    })),
    {
      name: "crm",
      title: best.config.crm.model,
      auc: meanOf(auc),
      logLoss: meanOf(logLoss),
      accuracy: meanOf(accuracy),
      validation: {
        count: choosing.length,
        auc: meanOf(validationAuc),
        logLoss: meanOf(validationLogLoss),
      },
    },
  ];
  const evaluation: Evaluation = {
    rows,
    count: split.test.length,
    positives: labels(split.test).reduce((sum, label) => sum + label, 0),
    samples: 0,
    seed: best.config.seed,
    level: 0.95,
  };
  const parts = { training: split.train, validation: split.validation, test: split.test };
  const warnings = [
    ...partWarnings({ log, parts, told: "test", featureMap }),
    ...figureWarnings(evaluation, "test part", "crm"),
  ];
  return { simple, warnings: warnings.map(({ message, remedy }) => `${message} ${remedy}`) };
}

/** Figures of seeds have no interval here: only the differences between them are judged. */
function meanOf({ mean }: Spread): EvaluationRow["auc"] {
  return exactly(mean);
}

function exactly(estimate: number): EvaluationRow["auc"] {
  return { estimate, low: Number.NaN, high: Number.NaN };
}
