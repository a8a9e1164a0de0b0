import type { Part } from "@corella/engine";
import type { DecoderConfig } from "../config/decoder.ts";
import { answeringBlocks, adaptedParams, type DecoderOptions, type DecoderOutput } from "./decoder.ts";
import { byLayer } from "./layer-attention.ts";
import { packedInputs, packedQueries } from "./packed-sequences.ts";

/**
 * `decoder` for sequences that begin alike or with one another, which is computed once, and without filling in the linear maps:
 * the same numbers for less work. `packedFeeds` makes its inputs; rows of the output are the sequences given, in their order.
 */
export function packedDecoder(
  config: DecoderConfig,
  options: Omit<DecoderOptions, "allPositions">,
): Part<DecoderOutput> {
  return {
    params: adaptedParams(config, options.lora),
    tables: {},
    inputs: packedInputs,
    forward(scope) {
      const queries = byLayer(config, (attention) => packedQueries(attention, (name) => scope.input(name)));
      const { lora, recompute } = options;
      const context = { scope, config, lora, recompute };
      const { states, ...output } = answeringBlocks(context, options, scope.input("tokens"), queries);
      return { ...output, sequenceStates: states };
    },
  };
}
