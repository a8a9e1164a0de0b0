import {
  createValidator,
  regularized,
  trainCrm,
  type CrmOutput,
  type CrmTraining,
  type LabelledBatches,
} from "@corella/crm";
import {
  compose,
  cosineSchedule,
  within,
  type Batch,
  type Optimizer,
  type Part,
  type PhaseOptions,
  type PhaseResult,
  type PhaseSpec,
  type Runtime,
  type Values,
} from "@corella/engine";
import { isLoraParam } from "@corella/llm";
import { idFeeds } from "@corella/bundle";
import { prepareSamples, streamBatches, type SampleFolder } from "@corella/modality";
import type { JointConfig, LlmTuningConfig, WarmUpConfig } from "./stages-config.ts";
import type { PreparedData } from "./data.ts";
import { answerProgram, jointProgram, type HiddenWidths, type ProjectionConfig } from "./objective.ts";
import type { BatchPlan } from "./subset-batches.ts";
import { llmFeeds, llmPlan, type TextSamples, type TunedDecoder } from "./text-samples.ts";

/** Rows of the CRM that are scored at once. */
const scoringBatch = 4096;

/** The CRM as it is named in all stages: prefixed `crm.`. */
export function namedCrm(crm: Part<CrmOutput>): Part<CrmOutput> {
  return { ...compose({ crm }), forward: (scope) => crm.forward(within(scope, "crm")) };
}

/** Rows as a CRM is judged by them. */
export function labelledRows(data: PreparedData, rows: Uint32Array): LabelledBatches {
  return {
    labels: data.labels(rows),
    *batches() {
      for (let start = 0; start < rows.length; start += scoringBatch)
        yield data.crmBatch(rows.subarray(start, start + scoringBatch), "crm.");
    },
  };
}

export interface StageInputs {
  readonly runtime: Runtime;
  readonly data: PreparedData;
  readonly seed: number;
}

/** Stage 1: the CRM alone on all training data; beta = 1, alpha = gamma = 0 in eq. 4. */
export function warmUp(
  { runtime, data, seed }: StageInputs,
  crm: Part<CrmOutput>,
  config: WarmUpConfig,
  options: Partial<PhaseOptions>,
): Promise<PhaseResult> {
  const perEpoch = Math.ceil(data.split.train.length / config.batchSize);
  return trainCrm(
    {
      ...config,
      ...trainingBatches(data, config, seed),
      crm: namedCrm(crm),
      runtime,
      seed,
      steps: perEpoch * config.epochs,
      samplesPerStep: config.batchSize,
      validateEvery:
        config.validateEverySteps ?? Math.max(1, Math.floor(perEpoch / config.validationsPerEpoch)),
      validation: labelledRows(data, data.split.validation),
    },
    options,
  );
}

/** Batches of all training rows, shuffled anew in each epoch; they are prepared when the first is asked for. */
function trainingBatches(
  data: PreparedData,
  { batchSize, epochs }: WarmUpConfig,
  seed: number,
): Required<Pick<CrmTraining, "batch" | "dispose">> {
  const { train } = data.split;
  const perEpoch = Math.ceil(train.length / batchSize);
  let samples: SampleFolder | undefined;
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
        const stream = streamBatches(samples, {
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

function labelFeed(labels: Float32Array): Batch {
  return { label: { shape: [labels.length], data: labels } };
}

/** Stage 2: both models together on a random subset, bound by L_cal; the see-saw keeps the CRM at its best. */
export async function jointStage(
  { runtime, data, seed }: StageInputs,
  crm: Part<CrmOutput>,
  llm: TunedDecoder,
  values: Values,
  samples: TextSamples,
  config: JointConfig,
  regularisation: { readonly embeddingL2: number; readonly networkL2: number },
  projection: ProjectionConfig,
  widths: HiddenWidths,
): Promise<PhaseSpec> {
  const named = namedCrm(crm);
  const forCrm = regularized({ kind: "adam", learningRate: config.crmLearningRate }, named, {
    embedding: regularisation.embeddingL2,
    net: regularisation.networkL2,
  });
  const program = jointProgram(crm, llm.part, projection, widths, config.weights, llm.loss);
  const trainer = await runtime.train(program, {
    seed,
    values,
    accumulate: config.accumulate,
    optimizer: (name) => {
      if (name.startsWith("crm.")) return forCrm(name);
      if (name.startsWith("projection.") || isLoraParam(name)) return llmOptimizer(config);
      return null;
    },
  });
  const validator = await createValidator(
    runtime,
    named,
    trainer.values,
    labelledRows(data, data.split.validation),
  );
  const plan = llmPlan(samples, config, seed, "joint");
  const schedule = tuningSteps(plan, config);
  const perEpoch = schedule.steps / config.epochs;
  return {
    trainer,
    ...schedule,
    batch(index) {
      const positions = plan.at(index);
      const rows = positions.map((position) => samples.rows[position]!);
      return {
        ...data.crmBatch(rows, "crm."),
        ...llmFeeds(samples, positions),
        ...labelFeed(data.labels(rows)),
      };
    },
    validation: {
      every: Math.max(1, Math.floor(perEpoch / config.validationsPerEpoch)),
      patience: config.patience,
      keeps: (name) => name.startsWith("crm."),
      evaluate: () => validator.evaluate(),
    },
    dispose: () => validator.dispose(),
  };
}

function tuningSteps(
  { steps: batches }: BatchPlan,
  { accumulate, batchSize, warmupSteps }: LlmTuningConfig,
): Pick<PhaseSpec, "steps" | "samplesPerStep" | "learningRateScale"> {
  const steps = Math.floor(batches / accumulate);
  return {
    steps,
    samplesPerStep: batchSize * accumulate,
    learningRateScale: cosineSchedule({ steps, warmupSteps, floor: 0.1 }),
  };
}

function llmOptimizer(config: LlmTuningConfig): Optimizer {
  return { kind: "adamw", learningRate: config.learningRate, weightDecay: config.weightDecay };
}

/** Stage 3: the LLM alone on another random subset; alpha = 1, beta = gamma = 0. */
export async function llmAloneStage(
  { runtime, data, seed }: StageInputs,
  llm: TunedDecoder,
  values: Values,
  samples: TextSamples,
  config: LlmTuningConfig,
): Promise<PhaseSpec> {
  const trainer = await runtime.train(answerProgram(llm.part, llm.loss), {
    seed,
    values,
    accumulate: config.accumulate,
    optimizer: (name) => (isLoraParam(name) ? llmOptimizer(config) : null),
  });
  const plan = llmPlan(samples, config, seed, "llm-alone");
  return {
    trainer,
    ...tuningSteps(plan, config),
    batch(index) {
      const positions = plan.at(index);
      const rows = positions.map((position) => samples.rows[position]!);
      return {
        ...llmFeeds(samples, positions),
        ...labelFeed(data.labels(rows)),
      };
    },
  };
}
