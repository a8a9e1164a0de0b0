import { confidenceGroups, expectedCalibrationError } from "@corella/metrics";
import { boundaryShift, route } from "@corella/routing";
import { groupName, groupTitle } from "./entropy.ts";
import { formatCount, formatMetric, formatShare } from "./numbers.ts";
import type { ReportTable } from "./report/report.ts";

/** CRM and LLM at one time of their training, on the samples of others. */
export interface AlignedPair {
  /** What people call it, for example `before stage 2`. */
  readonly title: string;
  /** P(label = 1) of each sample. */
  readonly crm: Float32Array;
  readonly llm: Float32Array;
}

/** What one model says of some samples. */
export interface ScoreFigures {
  /** ECE with 15 bins. */
  readonly calibrationError: number;
  /** A tenth, half and nine tenths of its probabilities are below. */
  readonly quantiles: readonly [low: number, median: number, high: number];
}

/** How two models agree on some samples. */
export interface AlignmentFigures {
  readonly count: number;
  /** Share of the samples of which both say the same at 0.5. */
  readonly agreement: number;
  /** Pearson's, of the logits. NaN where one is constant. */
  readonly logitCorrelation: number;
  readonly crm: ScoreFigures;
  readonly llm: ScoreFigures;
}

/** A pair over all samples, and in equal groups of them. */
export interface PairAlignment {
  readonly title: string;
  readonly all: AlignmentFigures;
  /** From the least confident samples to the most. */
  readonly groups: readonly AlignmentFigures[];
}

/**
 * What aligning changes: agreement, calibration and scores of CRM and LLM, for several pairs on the same samples. Groups are by the
 * entropy of the first pair's CRM, so that every pair is looked at on the same groups.
 * @throws CorellaError those of `boundaryShift` and of `expectedCalibrationError`
 */
export function alignmentFigures(
  pairs: readonly AlignedPair[],
  labels: Float32Array,
  groups = 3,
): PairAlignment[] {
  if (pairs.length === 0) return [];
  const { entropy } = route(pairs[0]!.crm, { kind: "none" });
  const byConfidence = confidenceGroups(entropy, groups).reverse();
  return pairs.map(({ title, crm, llm }) => ({
    title,
    all: figuresOf(crm, llm, labels),
    groups: byConfidence.map((rows) => {
      const select = (values: Float32Array): Float32Array => Float32Array.from(rows, (row) => values[row]!);
      return figuresOf(select(crm), select(llm), select(labels));
    }),
  }));
}

function figuresOf(crm: Float32Array, llm: Float32Array, labels: Float32Array): AlignmentFigures {
  const { count, disagreement, logitCorrelation } = boundaryShift(crm, llm, labels, 1);
  return {
    count,
    agreement: 1 - disagreement,
    logitCorrelation,
    crm: scoresOf(crm, labels),
    llm: scoresOf(llm, labels),
  };
}

function scoresOf(probabilities: Float32Array, labels: Float32Array): ScoreFigures {
  const sorted = probabilities.toSorted();
  const quantile = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return {
    calibrationError: expectedCalibrationError(probabilities, labels),
    quantiles: [quantile(0.1), quantile(0.5), quantile(0.9)],
  };
}

/** Figures of `alignmentFigures` as a table, pair by pair within each group. */
export function alignmentTable(pairs: readonly PairAlignment[]): ReportTable {
  const groupCount = pairs[0]?.groups.length ?? 0;
  const parts: [string, (pair: PairAlignment) => AlignmentFigures][] = [
    ["all samples", ({ all }) => all],
    ...Array.from({ length: groupCount }, (_, i): [string, (pair: PairAlignment) => AlignmentFigures] => [
      groupTitle(groupName(i, groupCount)),
      ({ groups }) => groups[i]!,
    ]),
  ];
  return {
    columns: [
      "samples",
      "models",
      "count",
      "agree",
      "logit correlation",
      "ECE CRM",
      "ECE LLM",
      "scores CRM, 10 / 50 / 90 %",
      "scores LLM",
    ],
    rows: parts.flatMap(([name, of]) =>
      pairs.map((pair) => {
        const { count, agreement, logitCorrelation, crm, llm } = of(pair);
        return [
          name,
          pair.title,
          formatCount(count),
          formatShare(agreement),
          formatMetric(logitCorrelation, 3),
          formatMetric(crm.calibrationError, 3),
          formatMetric(llm.calibrationError, 3),
          scores(crm),
          scores(llm),
        ];
      }),
    ),
  };
}

function scores({ quantiles }: ScoreFigures): string {
  return quantiles.map((value) => formatMetric(value, 2)).join(" / ");
}
