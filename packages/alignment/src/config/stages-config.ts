import type { PlateauOptions } from "@corella/engine";
import { z } from "zod";
import { p5Schema, type P5Config } from "./p5-config.ts";

/** Stage 1, CRM warm-up on all training data. */
export interface WarmUpConfig {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Over so many steps the learning rate grows to its full size. */
  readonly warmupSteps: number;
  /** How the learning rate then falls to 0 at the end of the last epoch. */
  readonly decay: "none" | "linear" | "cosine";
  /** Lowers the learning rate when the validation AUC no longer rises. */
  readonly plateau?: Omit<PlateauOptions, "mode"> | undefined;
  readonly embeddingL2: number;
  readonly networkL2: number;
  /** How rows of embedding tables are updated that a batch does not look up. */
  readonly tables: "lazy" | "exact" | "dense";
  /** The common Euclidean norm of all gradients is at most this. */
  readonly clipNorm?: number | undefined;
  /** Validations in an epoch. */
  readonly validationsPerEpoch: number;
  /** Steps between two validations, in place of `validationsPerEpoch`. */
  readonly validateEverySteps?: number | undefined;
  /** Validations without a new best after which the stage ends. */
  readonly patience: number;
}

/** How the LLM is tuned in stages 2 and 3. */
export interface LlmTuningConfig {
  /** Size of the random subset of the training part. */
  readonly samples: number;
  readonly epochs: number;
  /** Samples that are computed at once. */
  readonly batchSize: number;
  /** Batches of an update, which is by the mean of their gradients. The last ones, too few for one, are left out. */
  readonly accumulate: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly warmupSteps: number;
}

/** Stage 3, the LLM alone. */
export interface LlmAloneConfig extends LlmTuningConfig {
  /**
   * `crm`: the CRM's logit is added to the LLM's before the loss, so that the LLM learns what the CRM does not say, as a
   * further step of boosting does (Friedman 2001); what it says alone is then no answer. `none`: the paper's stage.
   */
  readonly offset: "none" | "crm";
  /**
   * With `offset: crm`: the LLM learns on this share of the training part, the latest, and adds to a CRM that was trained on
   * the rest, for of its own training rows a CRM says more than of new ones. 0: on all rows, adding to the CRM of stage 2.
   */
  readonly heldOut: number;
  /** Validations of the LLM in an epoch; the adapter of the best AUC is kept. 0: none, and the last one is kept. */
  readonly validationsPerEpoch: number;
  /** Of the validation part, random ones, at least so many. */
  readonly validationSamples: number;
  /** Validations without a new best after which the stage ends. */
  readonly patience: number;
}

/** How L_cal (eq. 3) compares the two models' hidden states. */
export interface ProjectionConfig {
  /** Common width of the projections g. */
  readonly width: number;
  /**
   * Which of the LLM's hidden states stands for a sample. `last`: that of the prompt's last token; `mean`: the mean over the
   * tokens of the target's own question, from the first that the prompt does not share with its text before the target.
   */
  readonly pooling: "last" | "mean";
  /** What is projected: states centred and of norm 1 (layer normalisation without weights), or as they are, which is the plain eq. 3. */
  readonly normalise: "layerNorm" | "none";
  /** The norm's power; 1 - cosine; or InfoNCE among the samples of a batch. */
  readonly distance: "euclidean" | "cosine" | "contrastive";
  /** The norm's power in eq. 3; read by `euclidean`. */
  readonly power: number;
  /** What cosines are divided by; read by `contrastive`. */
  readonly temperature: number;
  /** Decoder blocks from 1; default: the last, as many as are aligned. */
  readonly llmLayers?: readonly number[] | undefined;
  /** Interaction layers from 1; default: the last, as many as are aligned: all, where the decoder has as many blocks. */
  readonly crmLayers?: readonly number[] | undefined;
}

/** Stage 2, joint training with alignment. */
export interface JointConfig extends LlmTuningConfig {
  readonly crmLearningRate: number;
  /** Eq. 4. */
  readonly weights: { readonly llm: number; readonly crm: number; readonly calibration: number };
  readonly projection: ProjectionConfig;
  /** Validations of the CRM in an epoch. */
  readonly validationsPerEpoch: number;
  /** The see-saw: after so many validations without a new best of the CRM, the stage ends. */
  readonly patience: number;
}

/** After stage 3: what the LLM says on training rows goes into the CRM. */
export interface DistilConfig {
  /** Random rows of the training part that the LLM is asked about. */
  readonly samples: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Of the cross entropy with the LLM's answer, beside that with the label. */
  readonly weight: number;
  /** Both models' logits are divided by it where they are compared. */
  readonly temperature: number;
  /** Validations of the CRM in an epoch. */
  readonly validationsPerEpoch: number;
  /** After so many validations without a new best of the CRM it ends; the CRM is kept as of its best. */
  readonly patience: number;
}

/** Stage 1 of the recipe ctrl: text and features of samples are aligned. */
export interface ContrastiveConfig {
  /** Size of the random subset of the training part. */
  readonly samples: number;
  readonly epochs: number;
  /** Samples among which each text is to find its own features, and the other way round. */
  readonly batchSize: number;
  /** Of the CRM and the projections; `textTower` has its own. */
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly warmupSteps: number;
  /** What is projected: states of mean 0 and variance 1 in the batch, or as they are, as in the paper. */
  readonly normalise: "batchNorm" | "none";
  /** Width of a subspace. */
  readonly width: number;
  /** Subspaces of a sample, of which the nearest are compared; 1: the plain inner product. */
  readonly subspaces: number;
  readonly temperature: number;
}

/** The stages of the recipe corella that may be left out, in their order. */
export const stageNames = ["warmUp", "joint", "llmAlone"] as const;

/** Name of a stage, as `stages` of a configuration has it. */
export type StageName = (typeof stageNames)[number];

/** Settings of all stages: of the CRM, of both models together, and of the LLM alone. */
export interface StagesConfig {
  /**
   * Stages that the recipe corella leaves out, for ablations: without `warmUp` the joint stage begins with a CRM as it is
   * drawn, without `joint` the models never meet in training, without `llmAlone` the LLM is as the joint stage leaves it.
   */
  readonly skip?: readonly StageName[] | undefined;
  readonly warmUp: WarmUpConfig;
  readonly joint: JointConfig;
  readonly llmAlone: LlmAloneConfig;
  readonly contrastive: ContrastiveConfig;
  readonly p5: P5Config;
  /** Left out: the CRM stays as stage 2 leaves it. */
  readonly distil?: DistilConfig | undefined;
}

const positiveInteger = z.int().positive();

const llmTuningFields = {
  samples: positiveInteger.default(8000),
  epochs: positiveInteger.default(1),
  batchSize: positiveInteger.default(32),
  accumulate: positiveInteger.default(1),
  learningRate: z.number().positive().default(1e-3),
  weightDecay: z.number().nonnegative().default(0),
  warmupSteps: z.int().nonnegative().default(10),
};

/** The strict schema of `stages`, with every default. */
export const stagesSchema: z.ZodType<StagesConfig, unknown> = z
  .strictObject({
    skip: z
      .array(z.enum(stageNames))
      .refine((skip) => !(skip.includes("joint") && skip.includes("llmAlone")), {
        error: "the LLM is tuned in joint or llmAlone: one of them must stay",
      })
      .optional(),
    warmUp: z
      .strictObject({
        epochs: positiveInteger.default(5),
        batchSize: positiveInteger.default(1024),
        learningRate: z.number().positive().default(1e-3),
        warmupSteps: z.int().nonnegative().default(0),
        decay: z.enum(["none", "linear", "cosine"]).default("none"),
        plateau: z
          .strictObject({
            factor: z.number().positive().max(1).default(0.1),
            patience: z.int().nonnegative().default(0),
            threshold: z.number().nonnegative().default(0),
            minimum: z.number().nonnegative().default(0),
          })
          .optional(),
        embeddingL2: z.number().nonnegative().default(0),
        networkL2: z.number().nonnegative().default(0),
        tables: z.enum(["lazy", "exact", "dense"]).default("lazy"),
        clipNorm: z.number().positive().optional(),
        validationsPerEpoch: positiveInteger.default(2),
        validateEverySteps: positiveInteger.optional(),
        patience: positiveInteger.default(4),
      })
      .prefault({}),
    joint: z
      .strictObject({
        ...llmTuningFields,
        crmLearningRate: z.number().positive().default(1e-4),
        weights: z
          .strictObject({
            llm: z.number().nonnegative().default(1),
            crm: z.number().nonnegative().default(1),
            calibration: z.number().nonnegative().default(0.1),
          })
          .prefault({}),
        projection: z
          .strictObject({
            width: positiveInteger.default(64),
            pooling: z.enum(["last", "mean"]).default("last"),
            normalise: z.enum(["layerNorm", "none"]).default("layerNorm"),
            distance: z.enum(["euclidean", "cosine", "contrastive"]).default("euclidean"),
            power: z.number().positive().default(2),
            temperature: z.number().positive().default(0.1),
            llmLayers: z.array(positiveInteger).optional(),
            crmLayers: z.array(positiveInteger).optional(),
          })
          .prefault({}),
        validationsPerEpoch: positiveInteger.default(5),
        patience: positiveInteger.default(3),
      })
      .prefault({}),
    llmAlone: z
      .strictObject({
        ...llmTuningFields,
        offset: z.enum(["none", "crm"]).default("none"),
        heldOut: z.number().nonnegative().lt(1).default(0.2),
        validationsPerEpoch: z.int().nonnegative().default(0),
        validationSamples: positiveInteger.default(1000),
        patience: positiveInteger.default(3),
      })
      .prefault({}),
    contrastive: z
      .strictObject({
        samples: positiveInteger.default(40_000),
        epochs: positiveInteger.default(1),
        batchSize: z.int().min(2).default(128),
        learningRate: z.number().positive().default(1e-3),
        weightDecay: z.number().nonnegative().default(0),
        warmupSteps: z.int().nonnegative().default(10),
        normalise: z.enum(["batchNorm", "none"]).default("batchNorm"),
        width: positiveInteger.default(128),
        subspaces: positiveInteger.default(4),
        temperature: z.number().positive().default(0.7),
      })
      .prefault({}),
    p5: p5Schema.prefault({}),
    distil: z
      .strictObject({
        samples: positiveInteger.default(8000),
        epochs: positiveInteger.default(2),
        batchSize: positiveInteger.default(256),
        learningRate: z.number().positive().default(1e-4),
        weight: z.number().nonnegative().default(0.5),
        temperature: z.number().positive().default(1),
        validationsPerEpoch: positiveInteger.default(5),
        patience: positiveInteger.default(3),
      })
      .optional(),
  })
  .prefault({});
