import { writeFile } from "node:fs/promises";
import type { ScoreDistribution } from "@corella/bundle";
import { literal, withDatabase } from "./database.ts";

/** Equal bins of (0, 1) in which probabilities are counted. */
export const scoreBins = 20;

/** What parts say together. */
export interface Summary {
  readonly rows: number;
  /** Rows without an answer. */
  readonly malformed: number;
  /** Mean probability of the others. */
  readonly mean: number;
  /** Rows that the LLM answered. */
  readonly byLlm: number;
  /** [20] rows by probability, of those that the CRM answered and of those that the LLM did. */
  readonly histogram: { readonly crm: readonly number[]; readonly llm: readonly number[] };
  /** How far the answers are from those to the validation part; absent where the bundle does not tell these. */
  readonly drift?: Drift | undefined;
}

/** Answers beside those to the validation part. */
export interface Drift {
  /** Population stability index over the deciles of the validation part: 0 where nothing has moved. */
  readonly psi: number;
  /** [10] */
  readonly shares: readonly number[];
  readonly expected: readonly number[];
  /** [9] */
  readonly edges: readonly number[];
  readonly expectedToLlm: number;
}

/** Counts parts one after the other. */
export interface Counter {
  /** @param bytes of a Parquet file; @param file where it may be put for a moment @returns its rows */
  add(bytes: Uint8Array, file: string): Promise<number>;
  summary(): Summary;
}

/** @param reference answers to the validation part */
export function createCounter(reference: ScoreDistribution | undefined): Counter {
  const bins = { crm: zeros(scoreBins), llm: zeros(scoreBins) };
  const tenths = zeros(10);
  let [rows, malformed, sum] = [0, 0, 0];
  const above = reference?.edges.map((edge) => `(probability::DOUBLE > ${edge}::DOUBLE)::INTEGER`) ?? ["0"];
  return {
    async add(bytes, file) {
      await writeFile(file, bytes);
      return withDatabase(async (connection) => {
        const counted = await connection.runAndReadAll(
          `SELECT route, least(floor(probability::DOUBLE * ${scoreBins}), ${scoreBins - 1})::INTEGER AS bin, ${above.join(" + ")} AS tenth, count(*)::DOUBLE, sum(probability::DOUBLE) FROM read_parquet(${literal(file)}) GROUP BY ALL ORDER BY ALL`,
        );
        let inPart = 0;
        for (const [route, bin, tenth, count, total] of counted.getRows() as [
          "crm" | "llm" | null,
          number,
          number,
          number,
          number,
        ][]) {
          inPart += count;
          if (route === null) malformed += count;
          else {
            bins[route][bin]! += count;
            tenths[tenth]! += count;
            sum += total;
          }
        }
        rows += inPart;
        return inPart;
      });
    },
    summary() {
      const answered = rows - malformed;
      return {
        rows,
        malformed,
        mean: answered === 0 ? 0 : sum / answered,
        byLlm: bins.llm.reduce((all, count) => all + count, 0),
        histogram: { crm: [...bins.crm], llm: [...bins.llm] },
        ...(reference !== undefined && answered > 0 && { drift: driftOf(tenths, answered, reference) }),
      };
    },
  };
}

function zeros(length: number): number[] {
  return Array.from({ length }, () => 0);
}

function driftOf(tenths: readonly number[], answered: number, reference: ScoreDistribution): Drift {
  const shares = tenths.map((count) => count / answered);
  const { edges, shares: expected, shareToLlm } = reference;
  return { psi: stabilityIndex(shares, expected), shares, expected, edges, expectedToLlm: shareToLlm };
}

/** A bin without a row counts as one with this share, for its logarithm. */
const leastShare = 1e-4;

/**
 * The population stability index of two distributions over the same bins, sum of (a - e) ln(a / e): below 0.1 is usually taken as the same,
 * above 0.25 as another population (Siddiqi, Credit Risk Scorecards, 2006).
 */
export function stabilityIndex(actual: readonly number[], expected: readonly number[]): number {
  return actual.reduce((sum, share, bin) => {
    const [a, e] = [Math.max(share, leastShare), Math.max(expected[bin]!, leastShare)];
    return sum + (a - e) * Math.log(a / e);
  }, 0);
}
