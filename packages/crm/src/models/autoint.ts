import { tf } from "@corella/engine";
import { z } from "zod";
import type { CrmFeature } from "../features.ts";
import { embedding } from "../layers/embedding.ts";
import { combine, perSample, type Layer, type Tensor } from "../layers/layer.ts";
import { linear } from "../layers/linear.ts";
import { logisticRegression } from "../layers/logistic-regression.ts";
import { mlp } from "../layers/mlp.ts";
import { selfAttention } from "../layers/self-attention.ts";
import { model, type Crm } from "../model.ts";
import { embeddingFields, towerFields, units, type EmbeddingConfig, type TowerConfig } from "./config.ts";

/** Parameters of the model `AutoInt`; `autoIntSchema` has their defaults. */
export interface AutoIntConfig extends EmbeddingConfig, TowerConfig {
  attentionLayers: number;
  heads: number;
  /** Width of a field after a layer, all heads together; a multiple of `heads`. */
  attentionDim: number;
  /** Divide the scores by sqrt(attentionDim / heads). */
  scale: boolean;
  residual: boolean;
  layerNormalization: boolean;
  /** Add the first order. */
  wide: boolean;
  /** Not empty: AutoInt+, with a tower beside the attention. */
  hiddenUnits: number[];
}

/** Defaults: three layers of two heads with 32 units in all (the paper's section 5.1), no tower. */
export const autoIntSchema: z.ZodType<AutoIntConfig, unknown> = z
  .strictObject({
    ...embeddingFields,
    ...towerFields,
    attentionLayers: z.int().positive().default(3),
    heads: z.int().positive().default(2),
    attentionDim: z.int().positive().default(32),
    scale: z.boolean().default(false),
    residual: z.boolean().default(true),
    layerNormalization: z.boolean().default(false),
    wide: z.boolean().default(false),
    hiddenUnits: units([]),
  })
  .refine(({ attentionDim, heads }) => attentionDim % heads === 0, {
    path: ["attentionDim"],
    error: "attentionDim must be a multiple of heads",
  });

/**
 * AutoInt (Song et al. 2019, arXiv:1810.11921): self-attention over the fields.
 * Hidden states: the fields after each attention layer, [batch, fields * attentionDim].
 */
export function autoInt(config: AutoIntConfig, features: readonly CrmFeature[]): Crm {
  const { embeddingDim, attentionDim, attentionLayers, hiddenUnits } = config;
  const fields = features.length;
  const attention: Record<string, Layer<Tensor, Tensor>> = {};
  for (let l = 0; l < attentionLayers; l++) {
    const inSize = l === 0 ? embeddingDim : attentionDim;
    attention[`${l}`] = selfAttention({ ...config, fields, inSize, attentionSize: attentionDim });
  }
  return model(
    features,
    {
      embedding: embedding(features, config),
      self_attention: combine(attention, (call, x: Tensor) => {
        let h = x;
        return Object.values(call).map((attend) => (h = attend(h)));
      }),
      lr: config.wide ? logisticRegression(features, false) : undefined,
      dnn: hiddenUnits.length > 0 ? mlp({ inSize: fields * embeddingDim, outSize: 1, ...config }) : undefined,
      fc: linear(fields * attentionDim, 1),
    },
    Array<number>(attentionLayers).fill(fields * attentionDim),
    (call) => {
      const { flat } = call.embedding();
      const fieldsOf = (x: Tensor): Tensor => tf.reshape(x, [-1, fields * attentionDim]);
      const states = call.self_attention(tf.reshape(flat, [-1, embeddingDim])).map(fieldsOf);
      let logit = call.fc(states.at(-1)!);
      if (call.dnn !== undefined) logit = tf.add(logit, call.dnn(flat).output);
      if (call.lr !== undefined) logit = tf.add(logit, call.lr());
      return { logit: perSample(logit), hiddenStates: states };
    },
  );
}
