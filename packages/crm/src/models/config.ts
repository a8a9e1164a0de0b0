import { z } from "zod";
import { activationNames, type Activation } from "../layers/activation.ts";
import type { AttentionConfig } from "../layers/target-attention.ts";

/** Defaults: the unit of DIN's figure 2 with the activation that the paper ends with. */
const attentionSchema: z.ZodType<AttentionConfig, unknown> = z
  .strictObject({
    hiddenUnits: z.array(z.int().positive()).min(1).default([36]),
    activation: z.enum(activationNames).default("dice"),
    dropout: z.number().min(0).lt(1).default(0),
    softmax: z.boolean().default(false),
  })
  .prefault({});

/**
 * Schema fields of every model with embeddings. 32 dimensions are what ClickPrompt (the CoReLLa authors' lab) uses on
 * ML-1M; `attention` pools the sequences whose pooling is that.
 */
export const embeddingFields: {
  embeddingDim: z.ZodDefault<z.ZodInt>;
  attention: z.ZodType<AttentionConfig, unknown>;
} = {
  embeddingDim: z.int().positive().default(32),
  attention: attentionSchema,
};

/** Parameters of every model with embeddings. */
export interface EmbeddingConfig {
  embeddingDim: number;
  attention: AttentionConfig;
}

/** Schema fields of every model with a feed-forward tower. */
export const towerFields: {
  activation: z.ZodType<Activation, unknown>;
  dropout: z.ZodDefault<z.ZodNumber>;
  batchNormalization: z.ZodDefault<z.ZodBoolean>;
} = {
  activation: z.enum(activationNames).default("relu"),
  dropout: z.number().min(0).lt(1).default(0),
  batchNormalization: z.boolean().default(false),
};

/** Parameters of every model with a feed-forward tower. */
export interface TowerConfig {
  activation: Activation;
  dropout: number;
  batchNormalization: boolean;
}

/** A schema of the widths of hidden layers, in their order; an empty list is no layer. */
export const units = (defaults: number[]): z.ZodDefault<z.ZodArray<z.ZodInt>> =>
  z.array(z.int().positive()).default(defaults);
