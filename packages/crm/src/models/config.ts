import { z } from "zod";
import { activationNames, type Activation } from "../layers/activation.ts";

/** Of every model with embeddings. 32 is what ClickPrompt (the CoReLLa authors' lab) uses on ML-1M. */
export const embeddingFields: { embeddingDim: z.ZodDefault<z.ZodInt> } = {
  embeddingDim: z.int().positive().default(32),
};

export interface EmbeddingConfig {
  embeddingDim: number;
}

/** Of every model with a feed-forward tower. */
export const towerFields: {
  activation: z.ZodType<Activation, unknown>;
  dropout: z.ZodDefault<z.ZodNumber>;
  batchNormalization: z.ZodDefault<z.ZodBoolean>;
} = {
  activation: z.enum(activationNames).default("relu"),
  dropout: z.number().min(0).lt(1).default(0),
  batchNormalization: z.boolean().default(false),
};

export interface TowerConfig {
  activation: Activation;
  dropout: number;
  batchNormalization: boolean;
}

export const units = (defaults: number[]): z.ZodDefault<z.ZodArray<z.ZodInt>> =>
  z.array(z.int().positive()).default(defaults);
