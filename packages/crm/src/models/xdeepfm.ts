import { tf } from "@corella/engine";
import { z } from "zod";
import type { CrmFeature } from "../features.ts";
import { cin } from "../layers/cin.ts";
import { embedding } from "../layers/embedding.ts";
import { perSample } from "../layers/layer.ts";
import { linear } from "../layers/linear.ts";
import { logisticRegression } from "../layers/logistic-regression.ts";
import { mlp } from "../layers/mlp.ts";
import { model, type Crm } from "../model.ts";
import { embeddingFields, towerFields, units, type EmbeddingConfig, type TowerConfig } from "./config.ts";

/** Parameters of the model `xDeepFM`; `xDeepFmSchema` has their defaults. */
export interface XDeepFmConfig extends EmbeddingConfig, TowerConfig {
  /** Feature maps of each CIN layer; at least one. */
  cinUnits: number[];
  /** Empty: no tower. */
  hiddenUnits: number[];
}

/** Defaults: the CIN that ClickPrompt (the CoReLLa authors' lab) uses on ML-1M, the paper's tower (section 4.1). */
export const xDeepFmSchema: z.ZodType<XDeepFmConfig, unknown> = z.strictObject({
  ...embeddingFields,
  ...towerFields,
  cinUnits: z.array(z.int().positive()).min(1).default([25, 25, 25]),
  hiddenUnits: units([400, 400]),
});

/**
 * xDeepFM (Lian et al. 2018, arXiv:1803.05170): first order + compressed interaction network + tower.
 * Hidden states: the pooled maps of each CIN layer, [batch, maps].
 */
export function xDeepFm(config: XDeepFmConfig, features: readonly CrmFeature[]): Crm {
  const { embeddingDim, cinUnits, hiddenUnits } = config;
  const inSize = features.length * embeddingDim;
  const pooledSize = cinUnits.reduce((sum, size) => sum + size, 0);
  return model(
    features,
    {
      embedding: embedding(features, config),
      lr: logisticRegression(features, false),
      cin: cin({ fields: features.length, dim: embeddingDim, units: cinUnits }),
      "cin.fc": linear(pooledSize, 1),
      dnn: hiddenUnits.length > 0 ? mlp({ inSize, outSize: 1, ...config }) : undefined,
    },
    cinUnits,
    (call) => {
      const { flat } = call.embedding();
      const pooled = call.cin(flat);
      const wide = tf.add(call.lr(), call["cin.fc"](pooled));
      const deep = call.dnn?.(flat).output;
      const logit = deep === undefined ? wide : tf.add(wide, deep);
      return { logit: perSample(logit), hiddenStates: pooled };
    },
  );
}
