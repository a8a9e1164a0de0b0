import type { InputSpec, Part, Scope, tf } from "@corella/engine";
import type { DecoderConfig } from "../config/decoder.ts";
import { adaptedParams, answeringBlocks, type DecoderOptions, type DecoderOutput } from "./decoder.ts";
import { byLayer } from "./layer-attention.ts";
import { packedInputs, packedQueries, type PastRows } from "./packed-sequences.ts";

/** What a decoder knows, and what a later batch may go on from. */
export interface ContinuedOutput extends DecoderOutput {
  /** Of each layer the keys and values of the batch's own tokens, in their order: [tokens, keyValueHeads * headDim]. */
  readonly rows: readonly PastRows[];
}

/** The name of a layer's keys, as an input and as an output. */
export const keysOf = (layer: number): string => `keys.${layer}`;
/** The name of a layer's values, as an input and as an output. */
export const valuesOf = (layer: number): string => `values.${layer}`;

/**
 * `packedDecoder` for sequences that all go on from tokens of which keys and values are known from an earlier batch: the inputs
 * `keys.<layer>` and `values.<layer>`, float32 [past, keyValueHeads * headDim], keys after RoPE. `pastVisible` is 1 for each of
 * them, or 0 for the one row that stands there where nothing came before. `continuedFeeds` makes the other inputs.
 */
export function continuedDecoder(
  config: DecoderConfig,
  options: Omit<DecoderOptions, "allPositions" | "recompute">,
): Part<ContinuedOutput> {
  const { lora } = options;
  const past: InputSpec = { shape: ["past", config.keyValueHeads * config.headDim], dtype: "float32" };
  const layers = Array.from({ length: config.layers }, (_, layer) => layer);
  return {
    params: adaptedParams(config, lora),
    tables: {},
    inputs: {
      ...packedInputs,
      prefixPlaces: { shape: [1, "prefixTime"], dtype: "int32" },
      prefixNumber: { shape: [1], dtype: "int32" },
      pastIndex: { shape: ["past"], dtype: "int32" },
      pastVisible: { shape: [1, "past"], dtype: "int32" },
      ...Object.fromEntries(
        layers.flatMap((layer) => [keysOf(layer), valuesOf(layer)].map((name) => [name, past])),
      ),
    },
    forward(scope) {
      const places = { index: scope.input("pastIndex"), visible: scope.input("pastVisible") };
      const queriesOf = byLayer(config, (attention) =>
        packedQueries(attention, (name) => scope.input(name), places),
      );
      const rows: PastRows[] = [];
      const { states, ...output } = answeringBlocks(
        { scope, config, lora },
        options,
        scope.input("tokens"),
        (layer) => queriesOf(layer)(pastOf(scope, layer), (own) => (rows[layer] = own)),
      );
      return { ...output, sequenceStates: states, rows };
    },
  };
}

function pastOf(scope: Scope, layer: number): { readonly keys: tf.Tensor; readonly values: tf.Tensor } {
  return { keys: scope.input(keysOf(layer)), values: scope.input(valuesOf(layer)) };
}
