import { z } from "zod";
import { needAttention, type CrmFeature } from "../features.ts";
import { activationNames } from "../layers/activation.ts";
import { embedding } from "../layers/embedding.ts";
import { perSample } from "../layers/layer.ts";
import { mlp } from "../layers/mlp.ts";
import { model, type Crm } from "../model.ts";
import { embeddingFields, towerFields, type EmbeddingConfig, type TowerConfig } from "./config.ts";

/** Parameters of the model `DIN`; `dinSchema` has their defaults. */
export interface DinConfig extends EmbeddingConfig, TowerConfig {
  /** At least one: the tower is where fields meet. */
  hiddenUnits: number[];
}

/** Defaults: the tower of the paper's figure 2, activated by Dice as in its best row. */
export const dinSchema: z.ZodType<DinConfig, unknown> = z.strictObject({
  ...embeddingFields,
  ...towerFields,
  activation: z.enum(activationNames).default("dice"),
  hiddenUnits: z.array(z.int().positive()).min(1).default([200, 80]),
});

/**
 * Deep interest network (Zhou et al. 2018, arXiv:1706.06978): a tower over the embeddings, histories among them pooled by
 * attention to the target (`layers/target-attention.ts`). Hidden states: the tower's hidden layers, [batch, units].
 */
export function din(config: DinConfig, features: readonly CrmFeature[]): Crm {
  needAttention("DIN", features);
  return model(
    features,
    {
      embedding: embedding(features, config),
      dnn: mlp({ ...config, inSize: features.length * config.embeddingDim, outSize: 1 }),
    },
    config.hiddenUnits,
    (call) => {
      const { output, hidden } = call.dnn(call.embedding().flat);
      return { logit: perSample(output), hiddenStates: hidden };
    },
  );
}
