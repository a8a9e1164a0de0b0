import type { DecoderConfig } from "../config/decoder.ts";

/** How one layer attends: heads, RoPE and window. */
export interface AttentionConfig extends Pick<
  DecoderConfig,
  "heads" | "keyValueHeads" | "headDim" | "rope" | "queryScalar"
> {
  /** A query sees the keys of its own position and of the window - 1 before it; absent: all before it. */
  readonly window?: number | undefined;
}

/**
 * Makes something once for the layers that see everything and once for those that slide, and says which a layer has.
 */
export function byLayer<Made>(
  config: DecoderConfig,
  make: (attention: AttentionConfig) => Made,
): (layer: number) => Made {
  const whole = make(config);
  const { sliding } = config;
  if (sliding === undefined) return () => whole;
  const slid = make({ ...config, rope: sliding.rope, window: sliding.window });
  return (layer) => (sliding.layers[layer] === true ? slid : whole);
}

/** The factor on attention scores, 1 / sqrt(queryScalar or headDim). A query's rotation brings it along. */
export function scoreScale({ queryScalar, headDim }: AttentionConfig): number {
  return 1 / Math.sqrt(queryScalar ?? headDim);
}
