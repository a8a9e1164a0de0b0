import { tf } from "@corella/engine";
import { z } from "zod";
import type { CrmFeature } from "../features.ts";
import { embedding } from "../layers/embedding.ts";
import { perSample } from "../layers/layer.ts";
import { logisticRegression } from "../layers/logistic-regression.ts";
import { mlp } from "../layers/mlp.ts";
import { model, type Crm } from "../model.ts";
import { embeddingFields, towerFields, type EmbeddingConfig, type TowerConfig } from "./config.ts";

/** Parameters of the model `WideDeep`; `wideDeepSchema` has their defaults. */
export interface WideDeepConfig extends EmbeddingConfig, TowerConfig {
  /** At least one: the hidden layers are the model's only interactions. */
  hiddenUnits: number[];
}

/** Defaults: the tower of the paper's figure 4. */
export const wideDeepSchema: z.ZodType<WideDeepConfig, unknown> = z.strictObject({
  ...embeddingFields,
  ...towerFields,
  hiddenUnits: z.array(z.int().positive()).min(1).default([1024, 512, 256]),
});

/**
 * Wide & Deep (Cheng et al. 2016, arXiv:1606.07792, eq. 3): first order + tower, without hand-made cross features.
 * Hidden states: the tower's hidden layers, [batch, units].
 */
export function wideDeep(config: WideDeepConfig, features: readonly CrmFeature[]): Crm {
  const inSize = features.length * config.embeddingDim;
  return model(
    features,
    {
      embedding: embedding(features, config),
      lr: logisticRegression(features, false),
      dnn: mlp({ inSize, outSize: 1, ...config }),
    },
    config.hiddenUnits,
    (call) => {
      const deep = call.dnn(call.embedding().flat);
      return { logit: perSample(tf.add(call.lr(), deep.output)), hiddenStates: deep.hidden };
    },
  );
}
