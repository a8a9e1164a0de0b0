import type { Batch } from "@corella/engine";
import { commonLength, encodeChains, poolingFeed } from "@corella/llm";
import type { Prompt } from "@corella/modality";
import type { AlignedLayers } from "../recipes/aligned-layers.ts";
import type { Asking } from "./asking.ts";
import { llmFeeds, type TextSamples } from "./text-samples.ts";

/**
 * How many tokens at the end of each sample's prompt are its target's own question: those from the first on that the prompt does
 * not share with its text before the target. A token that crosses the place where the target's text begins is its own; where a
 * template says no target there is the last token alone.
 */
export async function ownTokens(
  { tokens, render }: Pick<TextSamples, "tokens" | "render">,
  { tokenizer, prompt }: Pick<Asking, "tokenizer" | "prompt">,
): Promise<Int32Array> {
  const beforeTarget: Prompt = { ...prompt, render: (...of) => prompt.segments(...of).prefix };
  const before = await encodeChains(tokenizer, render(beforeTarget));
  return Int32Array.from(tokens, (ids, i) => Math.max(1, ids.length - commonLength(ids, before[i]!)));
}

/**
 * Makes the input `pooling` of `objective` for the samples at some positions: weights of the mean over their own tokens. None
 * where the last token alone counts.
 */
export async function poolingOf(
  { pooling }: Pick<AlignedLayers, "pooling">,
  samples: TextSamples,
  asking: Asking,
): Promise<(positions: Uint32Array) => Batch> {
  if (pooling === "last") return () => ({});
  const own = await ownTokens(samples, asking);
  return (positions) => ({
    pooling: poolingFeed(
      llmFeeds(samples, positions, ""),
      positions.map((position) => own[position]!),
    ),
  });
}
