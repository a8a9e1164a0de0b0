import { tf } from "@corella/engine";
import { z } from "zod";
import type { CrmFeature } from "../features.ts";
import { embedding } from "../layers/embedding.ts";
import { factorizationMachine } from "../layers/factorization-machine.ts";
import { perSample } from "../layers/layer.ts";
import { logisticRegression } from "../layers/logistic-regression.ts";
import { model, type Crm } from "../model.ts";
import { embeddingFields, type EmbeddingConfig } from "./config.ts";

/** Parameters of the model `FM`; `fmSchema` has their defaults. */
export type FmConfig = EmbeddingConfig;

/** Defaults: those of the embeddings, for it has nothing else. */
export const fmSchema: z.ZodType<FmConfig, unknown> = z.strictObject({ ...embeddingFields });

/**
 * Factorization machine of second order (Rendle 2010, eq. 1): w_0 + sum_f w_f + sum_{f<g} <e_f, e_g>.
 * Hidden state: the products before their sum over dim, [batch, dim].
 */
export function fm(config: FmConfig, features: readonly CrmFeature[]): Crm {
  return model(
    features,
    {
      embedding: embedding(features, config),
      lr: logisticRegression(features, true),
      fm: factorizationMachine(),
    },
    [config.embeddingDim],
    (call) => {
      const products = call.fm(call.embedding());
      const logit = tf.add(call.lr(), tf.sum(products, 1, true));
      return { logit: perSample(logit), hiddenStates: [products] };
    },
  );
}
