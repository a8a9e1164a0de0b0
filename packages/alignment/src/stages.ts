import { auc } from "@corella/metrics";
import { binaryCrossEntropy, type CrmOutput } from "@corella/crm";
import {
  compose,
  cosineSchedule,
  tf,
  within,
  type Batch,
  type Inference,
  type Optimizer,
  type Part,
  type Program,
  type Runtime,
  type Values,
} from "@corella/engine";
import { isLoraParam, type DecoderOutput } from "@corella/llm";
import { idFeeds } from "@corella/bundle";
import { prepareSamples, streamBatches } from "@corella/modality";
import type { JointConfig, LlmTuningConfig, WarmUpConfig } from "./config.ts";
import type { PreparedData } from "./data.ts";
import { answerProgram, jointProgram, type HiddenWidths, type ProjectionConfig } from "./objective.ts";
import type { PhaseSpec } from "./phase.ts";
import { llmFeeds, llmPlan, type TextSamples } from "./text-samples.ts";

/** Rows of the CRM that are scored at once. */
const scoringBatch = 4096;

/** The CRM for scoring, its names prefixed `crm.` as in all stages. */
export function crmScoringProgram(crm: Part<CrmOutput>): Program {
  return {
    ...compose({ crm }),
    forward(scope) {
      return { outputs: { probability: tf.sigmoid(crm.forward(within(scope, "crm")).logit) } };
    },
  };
}

/** The CRM's probabilities of rows. */
export async function scoreRows(
  inference: Inference,
  data: PreparedData,
  rows: Uint32Array,
): Promise<Float32Array> {
  const probabilities = new Float32Array(rows.length);
  for (let start = 0; start < rows.length; start += scoringBatch) {
    const { probability } = await inference.run(
      data.crmBatch(rows.subarray(start, start + scoringBatch), "crm."),
    );
    probabilities.set(probability!.data as Float32Array, start);
  }
  return probabilities;
}

/** AUC of the CRM under training on the validation part. */
async function crmValidation(
  runtime: Runtime,
  crm: Part<CrmOutput>,
  values: Values,
  data: PreparedData,
): Promise<() => Promise<number>> {
  const inference = await runtime.infer(crmScoringProgram(crm), values, { live: true });
  const labels = data.labels(data.split.validation);
  return async () => auc(await scoreRows(inference, data, data.split.validation), labels);
}

export interface StageInputs {
  readonly runtime: Runtime;
  readonly data: PreparedData;
  readonly seed: number;
}

/** Stage 1: the CRM alone on all training data; beta = 1, alpha = gamma = 0 in eq. 4. */
export async function warmUpStage(
  { runtime, data, seed }: StageInputs,
  crm: Part<CrmOutput>,
  config: WarmUpConfig,
): Promise<PhaseSpec> {
  const specs = compose({ crm });
  const program: Program = {
    ...specs,
    inputs: { ...specs.inputs, label: { shape: ["batch"], dtype: "float32" } },
    forward(scope) {
      const { logit } = crm.forward(within(scope, "crm"));
      return { loss: binaryCrossEntropy(logit, scope.input("label")), outputs: {} };
    },
  };
  const trainer = await runtime.train(program, {
    seed,
    optimizer: crmOptimizer(crm, config.learningRate, config),
  });
  const { train } = data.split;
  const perEpoch = Math.ceil(train.length / config.batchSize);
  const samples = await prepareSamples(data.featureMap, data.log, train, {
    cacheFolder: data.cacheFolder,
    scatterSeed: 1, // the same for every seed, so that the same folder serves them all
  });
  let batches: { next: number; stream: ReturnType<typeof streamBatches> } | undefined;
  return {
    trainer,
    steps: perEpoch * config.epochs,
    samplesPerStep: config.batchSize,
    async batch(step) {
      if (batches?.next !== step) {
        await batches?.stream.return();
        const epoch = Math.floor(step / perEpoch);
        const stream = streamBatches(samples, {
          batchSize: config.batchSize,
          shuffleSeed: seed,
          epoch,
          epochs: config.epochs - epoch,
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
    validation: {
      every: Math.max(1, Math.floor(perEpoch / config.validationsPerEpoch)),
      patience: config.patience,
      keeps: () => true,
      score: await crmValidation(runtime, crm, trainer.values, data),
    },
  };
}

/** Tables and first-order weights have their own L2; the rest is the network. */
function crmOptimizer(
  crm: Part<CrmOutput>,
  learningRate: number,
  l2: { readonly embeddingL2: number; readonly networkL2: number },
): (name: string) => Optimizer {
  return (name) => ({
    kind: "adam",
    learningRate,
    l2: name.slice("crm.".length) in crm.tables ? l2.embeddingL2 : l2.networkL2,
  });
}

function labelFeed(labels: Float32Array): Batch {
  return { label: { shape: [labels.length], data: labels } };
}

/** Stage 2: both models together on a random subset, bound by L_cal; the see-saw keeps the CRM at its best. */
export async function jointStage(
  { runtime, data, seed }: StageInputs,
  crm: Part<CrmOutput>,
  llm: Part<DecoderOutput>,
  values: Values,
  samples: TextSamples,
  config: JointConfig,
  regularisation: { readonly embeddingL2: number; readonly networkL2: number },
  projection: ProjectionConfig,
  widths: HiddenWidths,
): Promise<PhaseSpec> {
  const forCrm = crmOptimizer(crm, config.crmLearningRate, regularisation);
  const trainer = await runtime.train(jointProgram(crm, llm, projection, widths, config.weights), {
    seed,
    values,
    optimizer: (name) => {
      if (name.startsWith("crm.")) return forCrm(name);
      if (name.startsWith("projection.") || isLoraParam(name)) return llmOptimizer(config);
      return null;
    },
  });
  const plan = llmPlan(samples, config, seed, "joint");
  const perEpoch = plan.steps / config.epochs;
  return {
    trainer,
    steps: plan.steps,
    samplesPerStep: config.batchSize,
    learningRateScale: cosineSchedule({ steps: plan.steps, warmupSteps: config.warmupSteps, floor: 0.1 }),
    batch(step) {
      const positions = plan.at(step);
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
      score: await crmValidation(runtime, crm, trainer.values, data),
    },
  };
}

function llmOptimizer(config: LlmTuningConfig): Optimizer {
  return { kind: "adamw", learningRate: config.learningRate, weightDecay: config.weightDecay };
}

/** Stage 3: the LLM alone on another random subset; alpha = 1, beta = gamma = 0. */
export async function llmAloneStage(
  { runtime, data, seed }: StageInputs,
  llm: Part<DecoderOutput>,
  values: Values,
  samples: TextSamples,
  config: LlmTuningConfig,
): Promise<PhaseSpec> {
  const trainer = await runtime.train(answerProgram(llm), {
    seed,
    values,
    optimizer: (name) => (isLoraParam(name) ? llmOptimizer(config) : null),
  });
  const plan = llmPlan(samples, config, seed, "llm-alone");
  return {
    trainer,
    steps: plan.steps,
    samplesPerStep: config.batchSize,
    learningRateScale: cosineSchedule({ steps: plan.steps, warmupSteps: config.warmupSteps, floor: 0.1 }),
    batch(step) {
      const positions = plan.at(step);
      const rows = positions.map((position) => samples.rows[position]!);
      return {
        ...llmFeeds(samples, positions),
        ...labelFeed(data.labels(rows)),
      };
    },
  };
}
