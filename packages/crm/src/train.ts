import { CorellaError } from "@corella/errors";
import {
  constantSchedule,
  cosineSchedule,
  linearSchedule,
  runPhase,
  type Batch,
  type Inference,
  type Part,
  type PhaseOptions,
  type PhaseResult,
  type PhaseSpec,
  type PlateauOptions,
  type Program,
  type Runtime,
  type Schedule,
  type TrainOptions,
  type Values,
  type ValidationScore,
} from "@corella/engine";
import { auc, logLoss } from "@corella/metrics";
import type { CrmOutput } from "./model.ts";
import { crmInferenceProgram, crmProgram, regularized } from "./program.ts";

/** Samples whose labels are known, always in the same batches. */
export interface LabelledBatches {
  /** 0 or 1, of all samples in the order of the batches. */
  readonly labels: Float32Array;
  /** The model's inputs. */
  batches(): Iterable<Batch> | AsyncIterable<Batch>;
}

/** How long and how fast a model learns; plain values that a configuration may hold. */
export interface CrmTrainingSettings {
  /** At most so many steps. */
  readonly steps: number;
  readonly learningRate: number;
  /** Over so many steps the learning rate grows to its full size. Default 0. */
  readonly warmupSteps?: number;
  /** How the learning rate then falls to 0 at the last step. Default `none`. */
  readonly decay?: "none" | "linear" | "cosine";
  /** Lowers the learning rate when the validation AUC no longer rises. */
  readonly plateau?: Omit<PlateauOptions, "mode"> | undefined;
  /** λ/2 ||w||² of all embedding tables, first-order weights included. Default 0. */
  readonly embeddingL2?: number;
  /** λ/2 ||w||² of all other parameters. Default 0. */
  readonly networkL2?: number;
  /** How the rows of tables are updated that no sample of a batch looks up. Default `lazy`. */
  readonly tables?: TrainOptions["tables"];
  /** The common Euclidean norm of all gradients is at most this. */
  readonly clipNorm?: number | undefined;
  /** Steps between two validations. */
  readonly validateEvery: number;
  /** Validations without a new best AUC after which training stops. */
  readonly patience: number;
}

/** A model, its samples and how it learns: all that `trainCrm` takes. */
export interface CrmTraining extends CrmTrainingSettings {
  readonly crm: Part<CrmOutput>;
  /** What is trained: a loss over inputs of `batch`, with the parameters and tables of `crm`. Default `crmProgram(crm)`. */
  readonly program?: Program;
  readonly runtime: Runtime;
  /** Seeds the initial values and dropout. */
  readonly seed: number;
  /** Initial values; those that are absent are drawn. The trainer works on these very arrays. */
  readonly values?: Values;
  /** Whether the values before the first step may be the best; default: where there are some. */
  readonly fromStart?: boolean;
  readonly samplesPerStep: number;
  /** The model's inputs and `label` float32 [batch] of a step, counted from 0: a function of the step alone. */
  batch(step: number): Batch | Promise<Batch>;
  readonly validation: LabelledBatches;
  /** Called at the end, however training ends: for what the batches hold. */
  dispose?(): Promise<void>;
}

/**
 * Trains a model with Adam until the validation AUC no longer rises, and gives its values as of the best validation. With
 * `options.folder` an interrupted training goes on from its checkpoint and ends with the same bits.
 * @throws CorellaError `train/interrupted`, `train/diverged`, `crm/one-class`, `engine/optimizer`
 */
export async function trainCrm(
  training: CrmTraining,
  options: Partial<PhaseOptions> = {},
): Promise<PhaseResult> {
  const phase: PhaseOptions = { name: "crm", title: "CRM", checkpointEveryMs: 30_000, ...options };
  return runPhase(phase, () => crmPhase(training));
}

/**
 * The phase that `trainCrm` runs, for a training of several phases.
 * @throws CorellaError `crm/one-class`, `engine/optimizer`
 */
export async function crmPhase(training: CrmTraining): Promise<PhaseSpec> {
  try {
    return await createPhase(training);
  } catch (error) {
    await training.dispose?.();
    throw error;
  }
}

async function createPhase(training: CrmTraining): Promise<PhaseSpec> {
  const { crm, runtime, tables, clipNorm, values, plateau } = training;
  requireBothClasses(training.validation.labels);
  const trainer = await runtime.train(training.program ?? crmProgram(crm), {
    seed: training.seed,
    optimizer: regularized({ kind: "adam", learningRate: training.learningRate }, crm, {
      embedding: training.embeddingL2 ?? 0,
      net: training.networkL2 ?? 0,
    }),
    ...(values === undefined ? {} : { values }),
    ...(tables === undefined ? {} : { tables }),
    ...(clipNorm === undefined ? {} : { clipNorm }),
  });
  const validator = await createValidator(runtime, crm, trainer.values, training.validation);
  return {
    trainer,
    steps: training.steps,
    samplesPerStep: training.samplesPerStep,
    batch: (step) => training.batch(step),
    learningRateScale: scheduleOf(training),
    validation: {
      every: training.validateEvery,
      patience: training.patience,
      fromStart: training.fromStart ?? values !== undefined,
      keeps: () => true,
      evaluate: () => validator.evaluate(),
      plateau,
    },
    async dispose() {
      await validator.dispose();
      await training.dispose?.();
    },
  };
}

function scheduleOf({ steps, decay = "none", warmupSteps = 0 }: CrmTrainingSettings): Schedule {
  if (decay === "none") return constantSchedule({ warmupSteps });
  return (decay === "linear" ? linearSchedule : cosineSchedule)({ steps, warmupSteps });
}

/** A validation of a model that may still be under training. */
export interface CrmValidator {
  /** The AUC is the score; beside it stands the logloss in nats. */
  evaluate(): Promise<ValidationScore>;
  dispose(): Promise<void>;
}

/**
 * Prepares the validation of a model whose values may still change.
 * @param values of the model; they are read anew at each validation
 * @throws CorellaError `crm/one-class` when all labels are the same, so that there is no AUC
 */
export async function createValidator(
  runtime: Runtime,
  crm: Part<CrmOutput>,
  values: Values,
  samples: LabelledBatches,
): Promise<CrmValidator> {
  const { labels } = samples;
  requireBothClasses(labels);
  const inference = await runtime.infer(crmInferenceProgram(crm), values, { live: true });
  return {
    async evaluate() {
      const probabilities = await scoreBatches(inference, samples.batches(), labels.length);
      return { score: auc(probabilities, labels), figures: { logLoss: logLoss(probabilities, labels) } };
    },
    dispose: () => inference.dispose(),
  };
}

/**
 * Refuses validation samples of one class.
 * @param labels of the validation samples
 * @throws CorellaError `crm/one-class` when all are the same, so that there is no AUC
 */
export function requireBothClasses(labels: Float32Array): void {
  if (labels.some((label) => label !== labels[0])) return;
  const what =
    labels.length === 0
      ? "There are no validation samples"
      : `All ${labels.length} validation samples have the same label`;
  throw new CorellaError({
    code: "crm/one-class",
    message: `${what}, so there is no AUC.`,
    place: "validation",
    remedy: "Choose a validation part with positives and negatives, or another threshold of the label.",
  });
}

/** Probabilities [size] of all samples of some batches, by a run of `crmInferenceProgram`. */
export async function scoreBatches(
  inference: Inference,
  batches: Iterable<Batch> | AsyncIterable<Batch>,
  size: number,
): Promise<Float32Array> {
  const probabilities = new Float32Array(size);
  let start = 0;
  for await (const batch of batches) {
    const { probability } = await inference.run(batch);
    probabilities.set(probability!.data as Float32Array, start);
    start += probability!.data.length;
  }
  return probabilities;
}
