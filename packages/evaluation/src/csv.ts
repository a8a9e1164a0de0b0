import type { Interval } from "@corella/metrics";
import type { Evaluation } from "./evaluate.ts";
import type { SegmentFigures } from "./segments.ts";

/** What stands in a cell; what is absent, or no finite number, is empty. */
type Cell = string | number | null | undefined;

/** The evaluation as CSV with a header, a line a model (RFC 4180); what has no value is empty. */
export function evaluationCsv(evaluation: Evaluation): string {
  const { rows, count, positives, baseline, samples, seed, level, groupCount } = evaluation;
  return csv(
    rows.map(({ name, title, auc, logLoss, accuracy, shareToLlm, cost, versusBaseline, ...further }) => ({
      model: name,
      title,
      count,
      positives,
      ...interval("auc", auc),
      ...interval("log_loss", logLoss),
      ...interval("accuracy", accuracy),
      group_auc: further.groupAuc,
      calibration_error: further.calibrationError,
      validation_count: further.validation?.count,
      ...interval("validation_auc", further.validation?.auc),
      ...interval("validation_log_loss", further.validation?.logLoss),
      share_to_llm: shareToLlm,
      training_minutes: cost?.trainingMinutes,
      ms_per_sample: cost?.msPerSample,
      money_per_1000: cost?.moneyPer1000,
      baseline,
      ...interval("auc_difference", versusBaseline?.aucDifference),
      p_value: versusBaseline?.aucDifference.pValue,
      delong_p: versusBaseline?.deLongP,
      intervals_by: groupCount === undefined ? "rows" : "users",
      users: groupCount,
      resamples: samples,
      seed,
      level,
    })),
  );
}

/** The segments as CSV with a header, a line for each model in each; a segment without an AUC is a line without a model. Empty of none. */
export function segmentsCsv(segments: readonly SegmentFigures[]): string {
  return csv(
    segments.flatMap(({ name: segment, count, positives, groupCount, models }) => {
      const rows = models.length === 0 ? [undefined] : models;
      return rows.map((row) => ({
        segment,
        count,
        positives,
        users: groupCount,
        model: row?.name,
        title: row?.title,
        ...interval("auc", row?.auc),
        ...interval("auc_difference", row?.versusBaseline),
        p_value: row?.versusBaseline?.pValue,
      }));
    }),
  );
}

function interval(name: string, value: Interval | undefined): Record<string, Cell> {
  return { [name]: value?.estimate, [`${name}_low`]: value?.low, [`${name}_high`]: value?.high };
}

function csv(rows: readonly Readonly<Record<string, Cell>>[]): string {
  if (rows.length === 0) return "";
  const lines = [Object.keys(rows[0]!), ...rows.map((row) => Object.values(row))];
  return lines.map((cells) => `${cells.map(csvCell).join(",")}\r\n`).join("");
}

/** A cell of comma-separated values, quoted where it must be (RFC 4180). */
export function csvCell(cell: Cell): string {
  if (cell === undefined || cell === null || (typeof cell === "number" && !Number.isFinite(cell))) return "";
  const plain = String(cell);
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
