import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { runTrial, type PreparedData, type RunConfig } from "@corella/alignment";
import type { Runtime } from "@corella/engine";
import { prepareSamples } from "@corella/modality";

/** A validation of ours, and when it was known. */
export interface TimedValidation {
  /** Since the training was called for. */
  readonly seconds: number;
  readonly epoch: number;
  readonly auc: number;
}

/** How long ours took to pass an AUC on the validation part. */
export interface TimeToAccuracy {
  /** Seconds until a validation was above the target; null when none was. */
  readonly seconds: number | null;
  /** The seconds of these in which the graph was compiled and initial values were drawn. */
  readonly buildSeconds: number;
  /** Epochs until then, whole trainings when the target was not passed. */
  readonly epochs: number;
  readonly validations: readonly TimedValidation[];
}

/** What ends a measurement, and who watches it. */
export interface TimeToAccuracyOptions {
  /** A validation AUC that is to be passed. */
  readonly target: number;
  readonly validationsPerEpoch: number;
  readonly report?: (validation: TimedValidation) => void;
}

/**
 * Trains the CRM of a configuration until its validation AUC is above a target, or to the end of its epochs: patience does
 * not end it. Reading the log, counting statistics and encoding samples are done before the clock starts; building the
 * model, shuffling, steps and validations are on it.
 * @throws CorellaError those of `runTrial`
 */
export async function timeToAccuracy(
  config: RunConfig,
  data: PreparedData,
  runtime: Runtime,
  { target, validationsPerEpoch, report }: TimeToAccuracyOptions,
): Promise<TimeToAccuracy> {
  // The training finds its samples there; the encoder of the validation part keeps what it has looked up.
  const { cacheFolder, featureMap, log, split } = data;
  await prepareSamples(featureMap, log, split.train, { cacheFolder, scatterSeed: 1 });
  data.crmBatch(split.validation.subarray(0, 1));

  const warmUp = {
    ...config.stages.warmUp,
    validationsPerEpoch,
    validateEverySteps: undefined,
    patience: Number.MAX_SAFE_INTEGER,
  };
  const timed: RunConfig = {
    ...config,
    checkpointEverySeconds: 1e6, // no checkpoint is written on the way
    stages: { ...config.stages, warmUp },
  };
  const perEpoch = Math.ceil(split.train.length / warmUp.batchSize);
  const validations: TimedValidation[] = [];
  let buildSeconds = 0;
  let passed: TimedValidation | undefined;
  const folder = await mkdtemp(join(cacheFolder, "time-"));
  try {
    const start = performance.now();
    const seconds = (): number => (performance.now() - start) / 1000;
    const record = await runTrial({ config: timed, folder, test: false }, data, runtime, {
      started: () => (buildSeconds = seconds()),
      validated({ step, score }) {
        const validation = { seconds: seconds(), epoch: step / perEpoch, auc: score };
        validations.push(validation);
        report?.(validation);
        if (score > target) passed ??= validation;
        return passed === undefined;
      },
    });
    const epochs = passed?.epoch ?? record.steps / perEpoch;
    return { seconds: passed?.seconds ?? null, buildSeconds, epochs, validations };
  } finally {
    await rm(folder, { recursive: true });
  }
}
