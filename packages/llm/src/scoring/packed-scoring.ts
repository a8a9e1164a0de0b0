import type { Inference, Part, Program } from "@corella/engine";
import { packSequences, type PackLimits } from "../batching/pack-tokens.ts";
import type { DecoderOutput } from "../decoder/decoder.ts";
import { answerDifference, type AnswerScoring } from "../decoder/losses.ts";

/** Computes the difference by which `answerDifference` scores, of tokenised prompts, in their order, and says how many were cut. */
export type Differences = (
  sequences: readonly ArrayLike<number>[],
  signal?: AbortSignal,
) => Promise<{ readonly logitDifference: Float32Array; readonly cut: number }>;

/** What a decoder scores by. */
export function packedProgram(part: Part<DecoderOutput>, scoring?: AnswerScoring): Program {
  return {
    ...part,
    forward: (scope) => ({ outputs: { logitDifference: answerDifference(part.forward(scope), scoring) } }),
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
