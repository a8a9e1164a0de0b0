import { tf } from "@corella/engine";
import { z } from "zod";
import { needFields, type CrmFeature } from "../features.ts";
import { bilinear, type BilinearType } from "../layers/bilinear.ts";
import { embedding } from "../layers/embedding.ts";
import { perSample } from "../layers/layer.ts";
import { logisticRegression } from "../layers/logistic-regression.ts";
import { mlp } from "../layers/mlp.ts";
import { senet } from "../layers/senet.ts";
import { model, type Crm } from "../model.ts";
import { embeddingFields, towerFields, units, type EmbeddingConfig, type TowerConfig } from "./config.ts";

/** Parameters of the model `FiBiNET`; `fiBiNetSchema` has their defaults. */
export interface FiBiNetConfig extends EmbeddingConfig, TowerConfig {
  bilinearType: BilinearType;
  /** The SENET's hidden layer has fields / reductionRatio units. */
  reductionRatio: number;
  gateActivation: "relu" | "sigmoid";
  hiddenUnits: number[];
}

/** Defaults: the reduction ratio and tower of the paper's section 4.1, and its best bilinear type. */
export const fiBiNetSchema: z.ZodType<FiBiNetConfig, unknown> = z.strictObject({
  ...embeddingFields,
  ...towerFields,
  bilinearType: z.enum(["field_all", "field_each", "field_interaction"]).default("field_interaction"),
  reductionRatio: z.number().positive().default(3),
  gateActivation: z.enum(["relu", "sigmoid"]).default("relu"),
  hiddenUnits: units([400, 400, 400]),
});

/**
 * FiBiNET (Huang et al. 2019, arXiv:1905.09433): first order + tower over the bilinear products of the embeddings and
 * of the embeddings that a SENET has weighted. Hidden states: the two sets of products, [batch, pairs * dim].
 */
export function fiBiNet(config: FiBiNetConfig, features: readonly CrmFeature[]): Crm {
  needFields("FiBiNET", features, 2);
  const { embeddingDim, bilinearType } = config;
  const count = features.length;
  const pairsWidth = ((count * (count - 1)) / 2) * embeddingDim;
  return model(
    features,
    {
      embedding: embedding(features, config),
      lr: logisticRegression(features, false),
      senet_layer: senet(count, embeddingDim, config.reductionRatio, config.gateActivation),
      bilinear_interaction1: bilinear(count, embeddingDim, bilinearType),
      bilinear_interaction2: bilinear(count, embeddingDim, bilinearType),
      dnn: mlp({ inSize: 2 * pairsWidth, outSize: 1, ...config }),
    },
    [pairsWidth, pairsWidth],
    (call) => {
      const e = call.embedding();
      const p = call.bilinear_interaction1(e);
      const q = call.bilinear_interaction2(call.senet_layer(e));
      const logit = tf.add(call.lr(), call.dnn([p, q]).output);
      return { logit: perSample(logit), hiddenStates: [p, q] };
    },
  );
}
