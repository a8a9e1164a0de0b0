import { tf } from "@corella/engine";
import { z } from "zod";
import { needFields, type CrmFeature } from "../features.ts";
import { embedding } from "../layers/embedding.ts";
import { fieldGraph } from "../layers/field-graph.ts";
import type { Tensor } from "../layers/layer.ts";
import { linear } from "../layers/linear.ts";
import { model, type Crm } from "../model.ts";
import { embeddingFields, type EmbeddingConfig } from "./config.ts";

/** Parameters of the model `FiGNN`; `fiGnnSchema` has their defaults. */
export interface FiGnnConfig extends EmbeddingConfig {
  graphLayers: number;
  /** All layers have the same field matrices. */
  sharedLayers: boolean;
  gru: boolean;
  residual: boolean;
}

/** Defaults: three steps (the paper's section 4.1), matrices shared as ClickPrompt does on ML-1M. */
export const fiGnnSchema: z.ZodType<FiGnnConfig, unknown> = z.strictObject({
  ...embeddingFields,
  graphLayers: z.int().positive().default(3),
  sharedLayers: z.boolean().default(true),
  gru: z.boolean().default(true),
  residual: z.boolean().default(true),
});

/**
 * Fi-GNN (Li et al. 2019, arXiv:1910.05552): a gated graph network over the fields, read out by attention,
 * logit = sum_f sigmoid(W h)_f (w h_f). Hidden states: the fields after each layer, [batch, fields * dim].
 */
export function fiGnn(config: FiGnnConfig, features: readonly CrmFeature[]): Crm {
  needFields("FiGNN", features, 2);
  const { embeddingDim: dim } = config;
  const fields = features.length;
  return model(
    features,
    {
      embedding: embedding(features, config),
      fignn: fieldGraph({
        fields,
        dim,
        layerCount: config.graphLayers,
        shared: config.sharedLayers,
        gru: config.gru,
        residual: config.residual,
      }),
      "fc.mlp1": linear(dim, 1, false),
      "fc.mlp2.0": linear(fields * dim, fields, false),
    },
    Array<number>(config.graphLayers).fill(fields * dim),
    (call) => {
      const flatten = (h: Tensor): Tensor => tf.reshape(tf.transpose(h, [1, 0, 2]), [-1, fields * dim]);
      const states = call.fignn(call.embedding()).map(flatten);
      const last = states.at(-1)!;
      const scores = tf.reshape(call["fc.mlp1"](tf.reshape(last, [-1, dim])), [-1, fields]);
      const weights = tf.sigmoid(call["fc.mlp2.0"](last));
      return { logit: tf.sum(tf.mul(weights, scores), 1), hiddenStates: states };
    },
  );
}
