import { tf } from "@corella/engine";
import { z } from "zod";
import type { CrmFeature } from "../features.ts";
import { embedding } from "../layers/embedding.ts";
import { factorizationMachine } from "../layers/factorization-machine.ts";
import { perSample } from "../layers/layer.ts";
import { logisticRegression } from "../layers/logistic-regression.ts";
import { mlp } from "../layers/mlp.ts";
import { model, type Crm } from "../model.ts";
import { embeddingFields, towerFields, units, type EmbeddingConfig, type TowerConfig } from "./config.ts";

/** Parameters of the model `DeepFM`; `deepFmSchema` has their defaults. */
export interface DeepFmConfig extends EmbeddingConfig, TowerConfig {
  hiddenUnits: number[];
}

/** Defaults: the tower of the paper's section 3.1. */
export const deepFmSchema: z.ZodType<DeepFmConfig, unknown> = z.strictObject({
  ...embeddingFields,
  ...towerFields,
  hiddenUnits: units([400, 400, 400]),
});

/**
 * DeepFM (Guo et al. 2017, arXiv:1703.04247): first order + factorization machine + tower.
 * Hidden states: the factorization machine's products [batch, dim], then the tower's hidden layers.
 */
export function deepFm(config: DeepFmConfig, features: readonly CrmFeature[]): Crm {
  const inSize = features.length * config.embeddingDim;
  return model(
    features,
    {
      embedding: embedding(features, config),
      lr: logisticRegression(features, true),
      fm: factorizationMachine(),
      mlp: mlp({ inSize, outSize: 1, ...config }),
    },
    [config.embeddingDim, ...config.hiddenUnits],
    (call) => {
      const e = call.embedding();
      const products = call.fm(e);
      const deep = call.mlp(e.flat);
      const logit = tf.add(tf.add(call.lr(), tf.sum(products, 1, true)), deep.output);
      return { logit: perSample(logit), hiddenStates: [products, ...deep.hidden] };
    },
  );
}
