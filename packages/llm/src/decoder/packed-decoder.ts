import type { Part } from "@corella/engine";
import type { DecoderConfig } from "../config/decoder.ts";
import { answeringBlocks, adaptedParams, type DecoderOptions, type DecoderOutput } from "./decoder.ts";
import { byLayer } from "./layer-attention.ts";
import { packedInputs, packedQueries } from "./packed-sequences.ts";

/**
 * `decoder` for sequences of which some begin alike, or with one another: what they share is computed once, and no filling is
 * in the linear maps, so the same numbers take less work. `packedFeeds` makes its inputs; rows of the output are the sequences
 * that it was given, in their order.
 */
export function packedDecoder(config: DecoderConfig, options: DecoderOptions): Part<DecoderOutput> {
  return {
    params: adaptedParams(config, options.lora),
    tables: {},
    inputs: packedInputs,
    forward(scope) {
      const queries = byLayer(config, (attention) => packedQueries(attention, (name) => scope.input(name))());
      const { lora, recompute } = options;
      const context = { scope, config, lora, recompute };
      const { states, ...output } = answeringBlocks(context, options, scope.input("tokens"), queries);
      return { ...output, sequenceStates: states };
    },
  };
}
