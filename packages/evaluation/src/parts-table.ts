import { formatCount, formatShare, formatSpread } from "./numbers.ts";
import { differenceText, modelRecord, spreadRecord, type ResultTable } from "./result-table.ts";
import type { SeedsRow } from "./seeds.ts";

/** Samples that have something in common. */
export interface PartsSegment {
  /** Stands alone: `new users`; of the first, which are all samples, it is not shown. */
  readonly title: string;
  readonly count: number;
  /** Of each part in their order, compared with the one before; the first with none. */
  readonly rows: readonly SeedsRow[];
}

/**
 * What each part adds to those before it: its figures on all samples, and the difference of its AUC to the row before, there and in
 * each segment.
 * @param segments all samples first
 */
export function partsTable(
  name: string,
  title: string,
  segments: readonly PartsSegment[],
  note: string,
): ResultTable {
  const [all, ...others] = segments as [PartsSegment, ...PartsSegment[]];
  return {
    name,
    title,
    note,
    columns: [
      "part",
      "AUC",
      "logloss",
      "to LLM",
      "minutes",
      "AUC against the row before",
      ...others.map((segment) => `${segment.title} (${formatCount(segment.count)})`),
    ],
    rows: all.rows.map(({ title: part, auc, logLoss, shareToLlm, trainingMinutes, aucDifference }, i) => [
      part,
      formatSpread(auc),
      formatSpread(logLoss),
      shareToLlm === undefined ? "" : formatShare(shareToLlm),
      trainingMinutes === undefined ? "" : trainingMinutes.toFixed(1),
      differenceText(aucDifference),
      ...others.map((segment) => differenceText(segment.rows[i]!.aucDifference)),
    ]),
    records: segments.flatMap(({ title: segment, count, rows }) =>
      rows.map((row) => ({
        segment,
        count,
        ...modelRecord(row),
        ...spreadRecord("logLoss", row.logLoss),
        shareToLlm: row.shareToLlm ?? null,
        trainingMinutes: row.trainingMinutes ?? null,
      })),
    ),
  };
}
