import { tf } from "@corella/engine";
import type { CrmFeature } from "../features.ts";
import { embedding, type EmbeddingOptions } from "./embedding.ts";
import { combine, type Layer, type Tensor } from "./layer.ts";
import { mlp } from "./mlp.ts";

/**
 * Context-aware feature selection (FinalMLP eq. 5 and 6): x * 2 sigmoid(MLP(context)), elementwise on [batch, size]. The
 * context is an embedding of some features, apart from the model's own, or without any a learned vector.
 */
export function featureSelection(
  size: number,
  context: readonly CrmFeature[],
  hiddenUnits: readonly number[],
  options: EmbeddingOptions,
): Layer<Tensor, Tensor> {
  const { embeddingDim } = options;
  const learned: Layer<void, Tensor> = {
    params: { vector: { shape: [1, embeddingDim], init: { kind: "zeros" } } },
    forward: (scope) => scope.param("vector"),
  };
  const inSize = Math.max(1, context.length) * embeddingDim;
  const gate = { inSize, hiddenUnits, outSize: size, dropout: 0, batchNormalization: false } as const;
  return combine(
    {
      context: context.length === 0 ? learned : undefined,
      embedding: context.length === 0 ? undefined : embedding(context, options),
      gate: mlp({ ...gate, activation: "relu" }),
    },
    (call, x: Tensor) => {
      const given = call.embedding?.().flat ?? call.context!();
      return tf.mul(x, tf.mul(tf.sigmoid(call.gate(given).output), 2));
    },
  );
}
