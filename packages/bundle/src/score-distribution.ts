import { z } from "zod";
import { readJson } from "./folder-files.ts";

/** How a bundle's answers to the validation part are spread, so that those to other rows can be compared with them. */
export interface ScoreDistribution {
  /** Rows of the validation part that were scored. */
  readonly count: number;
  /** Nine probabilities in ascending order: the deciles. A bin has what is above the edge before it and at most its own. */
  readonly edges: readonly number[];
  /** [10], the share of the rows in each bin: about a tenth where no two answers are alike. */
  readonly shares: readonly number[];
  /** Share of the rows that the LLM answered. */
  readonly shareToLlm: number;
}

/** The file of a bundle's folder that holds it; bundles of before have none. */
export const scoreDistributionFile = "score-distribution.json";

const share = z.number().min(0).max(1);
const scoreDistributionSchema = z.strictObject({
  count: z.int().positive(),
  edges: z.array(share).length(9),
  shares: z.array(share).length(10),
  shareToLlm: share,
});

/**
 * Reads how a bundle's answers to the validation part are spread.
 * @throws CorellaError `bundle/damaged`
 */
export function readScoreDistribution(folder: string): Promise<ScoreDistribution> {
  return readJson(folder, scoreDistributionFile, scoreDistributionSchema);
}

/** The deciles of probabilities of the validation part, at least one, and the shares between them. */
export function scoreDistributionOf(probabilities: ArrayLike<number>, shareToLlm: number): ScoreDistribution {
  // As a file of float32 keeps them: alike answers stay in one bin.
  const sorted = Float64Array.from(Float32Array.from(probabilities)).sort();
  const edges = Array.from({ length: 9 }, (_, i) => sorted[Math.ceil(((i + 1) * sorted.length) / 10) - 1]!);
  const counts = new Float64Array(10);
  for (const probability of sorted) counts[edges.filter((edge) => edge < probability).length]! += 1;
  return {
    count: sorted.length,
    edges,
    shares: Array.from(counts, (count) => count / sorted.length),
    shareToLlm,
  };
}
