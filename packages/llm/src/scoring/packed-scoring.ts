import type { Inference, Part, Program } from "@corella/engine";
import { packSequences, type PackLimits } from "../batching/pack-tokens.ts";
import type { DecoderOutput } from "../decoder/decoder.ts";
import { logitDifference } from "../decoder/losses.ts";

/** Computes the log odds of yes of tokenised prompts, in their order, and says how many were cut. */
export type Differences = (
  sequences: readonly ArrayLike<number>[],
  signal?: AbortSignal,
) => Promise<{ readonly logitDifference: Float32Array; readonly cut: number }>;

/** The log odds of a decoder. */
export function packedProgram(part: Part<DecoderOutput>): Program {
  return {
    ...part,
    forward: (scope) => ({ outputs: { logitDifference: logitDifference(part.forward(scope).yesNoLogits) } }),
  };
}

/** Scores by `packedProgram`, batch by batch; nothing of one is known to the next. */
export function packedDifferences(run: Inference["run"], limits: PackLimits): Differences {
  return async (sequences, signal) => {
    const { batches, cut } = packSequences(sequences, limits);
    const logits = new Float32Array(sequences.length);
    for (const { feeds, rows } of batches) {
      signal?.throwIfAborted();
      const { data } = (await run(feeds))["logitDifference"]!;
      rows.forEach((row, i) => {
        logits[row] = data[i]!;
      });
    }
    return { logitDifference: logits, cut };
  };
}
