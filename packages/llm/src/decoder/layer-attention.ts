import type { DecoderConfig } from "../config/decoder.ts";

/** How a layer attends. */
export interface AttentionConfig extends Pick<
  DecoderConfig,
  "heads" | "keyValueHeads" | "headDim" | "rope" | "queryScalar"
> {
  /** A query sees the keys of its own position and of the window - 1 before it; absent: all before it. */
  readonly window?: number | undefined;
}

/** What is made once for the layers that see everything and once for those that slide, by layer. */
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

/** The factor on the scores, which a query's rotation brings along. */
export function scoreScale({ queryScalar, headDim }: AttentionConfig): number {
  return 1 / Math.sqrt(queryScalar ?? headDim);
}
