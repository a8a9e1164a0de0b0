import { z } from "zod";
import type { CrmFeature } from "../features.ts";
import { activationNames, type Activation } from "../layers/activation.ts";
import { embedding } from "../layers/embedding.ts";
import { combine, perSample, type Layer, type Tensor } from "../layers/layer.ts";
import { layerNormalization } from "../layers/layer-normalization.ts";
import { maskBlock, type MaskBlockInput } from "../layers/mask-block.ts";
import { mlp } from "../layers/mlp.ts";
import { model, type Crm } from "../model.ts";
import { embeddingFields, type EmbeddingConfig } from "./config.ts";

/** Parameters of the model `MaskNet`; `maskNetSchema` has their defaults. */
export interface MaskNetConfig extends EmbeddingConfig {
  structure: "serial" | "parallel";
  /** Serial: the blocks, each of which masks the one before. Parallel: the tower over all blocks. */
  hiddenUnits: number[];
  /** Parallel: how many blocks look at the embeddings, and the units of each. */
  blocks: number;
  blockUnits: number;
  /** The hidden layer of a mask has this many times the units of the mask. */
  reductionRatio: number;
  embeddingNormalization: boolean;
  layerNormalization: boolean;
  activation: Activation;
  dropout: number;
}

/** Defaults: the paper's three layers of 400 units and ratio 2. */
export const maskNetSchema: z.ZodType<MaskNetConfig, unknown> = z.strictObject({
  ...embeddingFields,
  structure: z.enum(["serial", "parallel"]).default("serial"),
  hiddenUnits: z.array(z.int().positive()).min(1).default([400, 400, 400]),
  blocks: z.int().positive().default(3),
  blockUnits: z.int().positive().default(64),
  reductionRatio: z.number().positive().default(2),
  embeddingNormalization: z.boolean().default(true),
  layerNormalization: z.boolean().default(true),
  activation: z.enum(activationNames).default("relu"),
  dropout: z.number().min(0).lt(1).default(0),
});

/**
 * MaskNet (Wang et al. 2021, arXiv:2102.07619): blocks whose inputs are multiplied with a mask made from the embeddings.
 * Hidden states: the output of each block, [batch, units].
 */
export function maskNet(config: MaskNetConfig, features: readonly CrmFeature[]): Crm {
  const { structure, hiddenUnits, blockUnits, dropout } = config;
  const width = features.length * config.embeddingDim;
  const isSerial = structure === "serial";
  const sizes = isSerial ? hiddenUnits : Array.from({ length: config.blocks }, () => blockUnits);
  const blocks: Record<string, Layer<MaskBlockInput, Tensor>> = {};
  sizes.forEach((outSize, l) => {
    const hiddenSize = isSerial ? (sizes[l - 1] ?? width) : width;
    blocks[`${l}`] = maskBlock({ ...config, embeddedSize: width, hiddenSize, outSize });
  });
  const tower = isSerial
    ? { inSize: sizes.at(-1)!, hiddenUnits: [] }
    : { inSize: config.blocks * blockUnits, hiddenUnits };
  return model(
    features,
    {
      embedding: embedding(features, config),
      emb_norm: config.embeddingNormalization
        ? layerNormalization(config.embeddingDim, features.length)
        : undefined,
      mask_blocks: combine(blocks, (call, { embedded, hidden }: MaskBlockInput) => {
        let x = hidden;
        return Object.values(call).map((block) => {
          const output = block({ embedded, hidden: x });
          if (isSerial) x = output;
          return output;
        });
      }),
      dnn: mlp({ ...tower, outSize: 1, activation: config.activation, dropout, batchNormalization: false }),
    },
    sizes,
    (call) => {
      const embedded = call.embedding().flat;
      const outputs = call.mask_blocks({ embedded, hidden: call.emb_norm?.(embedded) ?? embedded });
      const logit = call.dnn(isSerial ? outputs.at(-1)! : outputs).output;
      return { logit: perSample(logit), hiddenStates: outputs };
    },
  );
}
