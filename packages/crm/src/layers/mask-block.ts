import { tf } from "@corella/engine";
import { activation, type Activation } from "./activation.ts";
import { combine, type Layer, type Tensor } from "./layer.ts";
import { layerNormalization } from "./layer-normalization.ts";
import { linear } from "./linear.ts";

/** Sizes and variants of a mask block. */
export interface MaskBlockOptions {
  /** Width of the embeddings, which make the mask. */
  readonly embeddedSize: number;
  /** Width of what is masked. */
  readonly hiddenSize: number;
  readonly outSize: number;
  /** The mask's hidden layer has hiddenSize * reductionRatio units. */
  readonly reductionRatio: number;
  readonly layerNormalization: boolean;
  readonly activation: Activation;
  readonly dropout: number;
}

/** What a mask block takes: what makes the mask, and what is masked. */
export interface MaskBlockInput {
  /** [batch, embeddedSize] */
  readonly embedded: Tensor;
  /** [batch, hiddenSize] */
  readonly hidden: Tensor;
}

/**
 * MaskBlock (MaskNet section 3.3): act(LN(W (mask * hidden))) with the instance-guided mask
 * W_2 relu(W_1 embedded + b_1) + b_2 -> [batch, outSize].
 */
export function maskBlock(options: MaskBlockOptions): Layer<MaskBlockInput, Tensor> {
  const { embeddedSize, hiddenSize, outSize } = options;
  const aggregated = Math.max(1, Math.floor(hiddenSize * options.reductionRatio));
  return combine(
    {
      "mask_layer.0": linear(embeddedSize, aggregated),
      "mask_layer.2": linear(aggregated, hiddenSize),
      hidden_layer: linear(hiddenSize, outSize, false),
      norm: options.layerNormalization ? layerNormalization(outSize) : undefined,
      activation: activation(options.activation, outSize),
    },
    (call, { embedded, hidden }: MaskBlockInput, scope) => {
      const mask = call["mask_layer.2"](tf.relu(call["mask_layer.0"](embedded)));
      const z = call.hidden_layer(tf.mul(mask, hidden));
      return scope.dropout(call.activation(call.norm?.(z) ?? z), options.dropout);
    },
  );
}
