import {
  partWarnings,
  prepareData,
  sampledTestRows,
  seedFigures,
  validationRows,
  type TuneResult,
} from "@corella/alignment";
import { figureWarnings, simpleModels, verdict, type Judged, type JudgedRow } from "@corella/evaluation";
import { expectedCalibrationError, groupAuc, summary, type Spread } from "@corella/metrics";
import { modelTitle, type SimpleFigures } from "./text.ts";

/** What stands beside a search's result: what needs no model, what came of it, and what is wrong with data and figures. */
export interface Beside {
  readonly simple: readonly SimpleFigures[];
  readonly verdict: string;
  readonly warnings: readonly string[];
}

/** Looks at the data of the best configuration. @param places as of the search */
export async function besideOf(
  result: TuneResult,
  { baseFolder, cacheFolder }: { readonly baseFolder: string; readonly cacheFolder: string },
): Promise<Beside> {
  const { best, seeds, kind } = result;
  const isRun = kind === "run";
  const data = await prepareData(best.config, baseFolder, cacheFolder);
  const { log, split, featureMap, labels } = data;
  const { choosing } = validationRows(best.config, data);
  const test = isRun ? sampledTestRows(log, split.test, best.config.testSamples) : split.test;
  const [truth, validationTruth] = [labels(test), labels(choosing)];
  const users = Array.from(test, (row) => log.user[row]!);
  const onValidation = new Map(
    simpleModels(log, split.train, choosing).map(({ name, probabilities }) => [
      name,
      summary(probabilities, validationTruth),
    ]),
  );
  const simple = simpleModels(log, split.train, test).map(({ name, title = name, probabilities }) => {
    const validation = onValidation.get(name)!;
    return {
      name,
      title,
      ...summary(probabilities, truth),
      groupAuc: groupAuc(probabilities, truth, users),
      calibrationError: expectedCalibrationError(probabilities, truth),
      validationAuc: validation.auc,
      validationLogLoss: validation.logLoss,
    };
  });
  const { auc, logLoss, validationAuc, validationLogLoss } = seedFigures(seeds);
  const rows: JudgedRow[] = [
    ...simple.map(({ name, title, ...of }) => ({
      name,
      title,
      isSimple: true,
      auc: exactly(of.auc),
      logLoss: exactly(of.logLoss),
    })),
    {
      name: "crm",
      title: modelTitle(result),
      auc: aucAround(auc, truth),
      logLoss: exactly(logLoss.mean),
      // A whole run scores validation rows of its own choice.
      ...(isRun
        ? {}
        : {
            validation: {
              count: choosing.length,
              auc: aucAround(validationAuc, validationTruth),
              logLoss: exactly(validationLogLoss.mean),
            },
          }),
    },
  ];
  const judged: Judged = { rows, level: 0.95 };
  const parts = { training: split.train, validation: split.validation, test };
  const warnings = [
    ...partWarnings({ log, parts, told: "test", featureMap }),
    ...figureWarnings(judged, "test part", "crm"),
  ];
  return {
    simple,
    verdict: verdict(judged, "crm", false),
    warnings: warnings.map(({ message, remedy }) => `${message} ${remedy}`),
  };
}

/**
 * The mean AUC of seeds with two standard errors to both sides: of the spread of seeds, and of so many samples. The latter is that of
 * a random order (Mann & Whitney, 1947), the largest there is: what is said by it is said with care.
 */
function aucAround({ mean, deviation }: Spread, truth: Float32Array): JudgedRow["auc"] {
  const positives = truth.reduce((sum, label) => sum + label, 0);
  const negatives = truth.length - positives;
  const ofSamples = (truth.length + 1) / (12 * positives * negatives);
  const width = 2 * Math.sqrt((Number.isNaN(deviation) ? 0 : deviation ** 2) + ofSamples);
  return { estimate: mean, low: mean - width, high: mean + width };
}

/** A figure whose interval is not known. */
function exactly(estimate: number): JudgedRow["auc"] {
  return { estimate, low: Number.NaN, high: Number.NaN };
}
