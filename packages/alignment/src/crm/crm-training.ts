import { idFeeds } from "@corella/bundle";
import { crmPhase, type CrmOutput, type CrmTraining, type LabelledBatches } from "@corella/crm";
import { compose, within, type Part, type PhaseSpec, type Program, type Values } from "@corella/engine";
import { prepareSamples, readBatches, streamBatches, type SampleFolder } from "@corella/modality";
import { labelFeed, type PreparedData } from "../data.ts";
import type { StageInputs } from "../run.ts";
import { validationRows } from "../scored-rows.ts";

/** Rows that a CRM scores at once. */
export const scoringBatch = 4096;

/** Samples of a whole training, every epoch counted, that are read sooner in this thread than another one has started. */
const readHere = 100_000;

/** A CRM under the names that it has in every stage: parameters, tables and inputs begin with `crm.`. */
export function namedCrm(crm: Part<CrmOutput>): Part<CrmOutput> {
  return { ...compose({ crm }), forward: (scope) => crm.forward(within(scope, "crm")) };
}

/** Rows of the log with their labels, as `namedCrm` is validated on them. */
export function labelledRows(data: PreparedData, rows: Uint32Array): LabelledBatches {
  return {
    labels: data.labels(rows),
    *batches() {
      for (let start = 0; start < rows.length; start += scoringBatch)
        yield data.crmBatch(rows.subarray(start, start + scoringBatch), "crm.");
    },
  };
}

/**
 * Training of the CRM alone on all training rows, validated on those rows of the validation part by which models are chosen; its values are named `crm.`.
 * Settings: `stages.warmUp`.
 * @param options.program what is trained, named likewise; default: the mean binary cross entropy of the CRM's logit
 * @param options.values initial ones, named likewise; those that are absent are drawn
 * @throws CorellaError `crm/one-class`
 */
export function crmTraining(
  { config, data, runtime }: StageInputs,
  crm: Part<CrmOutput>,
  { program, values }: { readonly program?: Program; readonly values?: Values } = {},
): Promise<PhaseSpec> {
  const settings = config.stages.warmUp;
  const perEpoch = Math.ceil(data.split.train.length / settings.batchSize);
  return crmPhase({
    ...settings,
    ...trainingBatches(data, settings, config.seed),
    crm: namedCrm(crm),
    ...(program === undefined ? {} : { program }),
    ...(values === undefined ? {} : { values }),
    // Of a CRM that was aligned the logit has not been trained either.
    fromStart: false,
    runtime,
    seed: config.seed,
    steps: perEpoch * settings.epochs,
    samplesPerStep: settings.batchSize,
    validateEvery: validateEvery(settings, perEpoch),
    validation: labelledRows(data, validationRows(config, data).choosing),
  });
}

/** Steps between two validations of the CRM's training. @param perEpoch steps of an epoch */
export function validateEvery(
  { validateEverySteps, validationsPerEpoch }: StageInputs["config"]["stages"]["warmUp"],
  perEpoch: number,
): number {
  return validateEverySteps ?? Math.max(1, Math.floor(perEpoch / validationsPerEpoch));
}

/** Batches of all training rows, shuffled anew in each epoch; they are prepared when the first is asked for. */
function trainingBatches(
  data: PreparedData,
  { batchSize, epochs }: StageInputs["config"]["stages"]["warmUp"],
  seed: number,
): Required<Pick<CrmTraining, "batch" | "dispose">> {
  const { train } = data.split;
  const perEpoch = Math.ceil(train.length / batchSize);
  let samples: SampleFolder | undefined;
  const read = train.length * epochs <= readHere ? readBatches : streamBatches;
  let batches: { next: number; stream: ReturnType<typeof streamBatches> } | undefined;
  return {
    async batch(step) {
      samples ??= await prepareSamples(data.featureMap, data.log, train, {
        cacheFolder: data.cacheFolder,
        scatterSeed: 1, // the same for every seed, so that the same folder serves them all
      });
      if (batches?.next !== step) {
        await batches?.stream.return();
        const epoch = Math.floor(step / perEpoch);
        const stream = read(samples, {
          batchSize,
          shuffleSeed: seed,
          epoch,
          epochs: epochs - epoch,
          startBatch: step % perEpoch,
        });
        batches = { next: step, stream };
      }
      batches.next++;
      const batch = (await batches.stream.next()).value!;
      return { ...idFeeds(data.featureMap.features, batch, "crm."), ...labelFeed(batch.labels!) };
    },
    async dispose() {
      await batches?.stream.return();
    },
  };
}
