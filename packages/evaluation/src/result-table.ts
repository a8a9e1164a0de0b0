import { spread, type Spread } from "@corella/metrics";
import type { BudgetPoint } from "./budget.ts";
import { csvCell } from "./csv.ts";
import type { ConfidenceGroup } from "./entropy.ts";
import { formatCount, formatDifference, formatPValue, formatShare, formatSpread } from "./numbers.ts";
import type { SeedsEvaluation, SeedsRow } from "./seeds.ts";

/** A table of results: as texts for people, and as values for programs. */
export interface ResultTable {
  /** For files: `table-1`. */
  readonly name: string;
  readonly title: string;
  /** What its figures are of, in sentences. */
  readonly note: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** A record for each row, all with the same keys. What is absent is null. */
  readonly records: readonly Readonly<Record<string, string | number | null>>[];
}

/** A table as comma-separated values with a header (RFC 4180); what is absent is empty. */
export function formatCsv({ records }: Pick<ResultTable, "records">): string {
  const lines = [Object.keys(records[0] ?? {}), ...records.map((record) => Object.values(record))];
  return lines.map((line) => `${line.map(csvCell).join(",")}\n`).join("");
}

/** Figures over seeds as a table: the paper's table 1, or 2. @param note besides what the figures themselves are */
export function seedsTable(name: string, title: string, evaluation: SeedsEvaluation, note = ""): ResultTable {
  const { rows, baseline, seeds } = evaluation;
  const baselineRow = rows.find((row) => row.name === baseline);
  const withShare = rows.some(({ shareToLlm }) => shareToLlm !== undefined);
  const withMinutes = rows.some(({ trainingMinutes }) => trainingMinutes !== undefined);
  const columns = ["model", "AUC", "logloss", "accuracy"];
  if (withShare) columns.push("to LLM");
  if (withMinutes) columns.push("minutes");
  if (baselineRow !== undefined) columns.push(`AUC against ${baselineRow.title}`);
  return {
    name,
    title,
    note: [seedsNote(evaluation), note].filter((text) => text !== "").join(" "),
    columns,
    rows: rows.map((row) => {
      const cells = [row.title, ...[row.auc, row.logLoss, row.accuracy].map(formatSpread)];
      if (withShare) cells.push(row.shareToLlm === undefined ? "" : formatShare(row.shareToLlm));
      if (withMinutes) cells.push(row.trainingMinutes === undefined ? "" : row.trainingMinutes.toFixed(1));
      const { aucDifference } = row;
      if (baselineRow !== undefined) cells.push(differenceText(aucDifference));
      return cells;
    }),
    records: rows.map((row) => ({
      ...modelRecord(row),
      ...spreadRecord("logLoss", row.logLoss),
      ...spreadRecord("accuracy", row.accuracy),
      seeds,
      shareToLlm: row.shareToLlm ?? null,
      trainingMinutes: row.trainingMinutes ?? null,
    })),
  };
}

/**
 * The AUC of the same models in parts of the samples, and the last one's difference to the baseline there.
 * @param segments each with the figures of its samples
 */
export function segmentsTable(
  name: string,
  title: string,
  segments: readonly { readonly title: string; readonly evaluation: SeedsEvaluation }[],
  note: string,
): ResultTable {
  const models = segments[0]?.evaluation.rows ?? [];
  const baseline = models.find((model) => model.name === segments[0]?.evaluation.baseline);
  const compared = models.at(-1);
  return {
    name,
    title,
    note: `AUC, and that of ${compared?.title ?? ""} against ${baseline?.title ?? ""} with its 95 % interval. ${note}`,
    columns: ["segment", "samples", ...models.map((model) => model.title), "difference"],
    rows: segments.map(({ title: segment, evaluation: { count, rows } }) => [
      segment,
      formatCount(count),
      ...rows.map(({ auc }) => formatSpread(auc)),
      differenceText(rows.at(-1)?.aucDifference),
    ]),
    records: segments.flatMap(({ title: segment, evaluation: { count, rows } }) =>
      rows.map((row) => ({ segment, count, ...modelRecord(row) })),
    ),
  };
}

/** What a file says of a row of any table of models. */
export function modelRecord({
  name,
  title,
  auc,
  aucDifference,
}: SeedsRow): Record<string, string | number | null> {
  return {
    model: name,
    title,
    ...spreadRecord("auc", auc),
    aucDifference: aucDifference?.estimate ?? null,
    aucDifferenceLow: aucDifference?.low ?? null,
    aucDifferenceHigh: aucDifference?.high ?? null,
    aucDifferenceP: aucDifference?.pValue ?? null,
  };
}

function seedsNote({ count, positives, seeds, groupCount, baseline }: SeedsEvaluation): string {
  const over = seeds === 1 ? "One seed" : `Mean ± standard deviation over ${seeds} seeds`;
  const by = groupCount === undefined ? "rows" : `users (${formatCount(groupCount)})`;
  const what = seeds === 1 ? by : `${by} and seeds`;
  const compared =
    baseline === undefined ? "" : ` In brackets 95 % intervals of a paired bootstrap over ${what}.`;
  return `${over}; ${formatCount(count)} samples, ${formatShare(positives / count)} positive.${compared}`;
}

/** The AUC of models in groups of samples by the CRM's confidence, the least confident first: the paper's figure 1 in numbers. @param seeds the groups of each seed */
export function confidenceTable(
  name: string,
  title: string,
  seeds: readonly (readonly ConfidenceGroup[])[],
  note: string,
): ResultTable {
  const [first] = seeds;
  const models = first?.[0]?.models ?? [];
  const cells = (first ?? []).map(({ name: group, count }, place) => ({
    group,
    count,
    auc: models.map((_, model) => spread(seeds.map((one) => one[place]!.models[model]!.auc.estimate))),
  }));
  return {
    name,
    title,
    note,
    columns: ["confidence", "samples", ...models.map((model) => model.title)],
    rows: cells.map(({ group, count, auc }) => [group, formatCount(count), ...auc.map(formatSpread)]),
    records: cells.flatMap(({ group, count, auc }) =>
      models.map((model, place) => ({
        confidence: group,
        count,
        model: model.name,
        title: model.title,
        ...spreadRecord("auc", auc[place]!),
      })),
    ),
  };
}

/** A budget curve in numbers. */
export function budgetTable(
  name: string,
  title: string,
  points: readonly BudgetPoint[],
  note: string,
): ResultTable {
  return {
    name,
    title,
    note,
    columns: ["asked for", "to LLM", "AUC replacing", "logloss", "AUC adding", "logloss"],
    rows: points.map(({ share, shareToLlm, replacing, adding }) => [
      formatShare(share),
      formatShare(shareToLlm),
      ...[replacing.auc, replacing.logLoss, adding.auc, adding.logLoss].map(formatSpread),
    ]),
    records: points.map(({ share, shareToLlm, replacing, adding }) => ({
      share,
      shareToLlm,
      ...spreadRecord("aucReplacing", replacing.auc),
      ...spreadRecord("logLossReplacing", replacing.logLoss),
      ...spreadRecord("aucAdding", adding.auc),
      ...spreadRecord("logLossAdding", adding.logLoss),
    })),
  };
}

/** `+0.0011 [−0.0003, +0.0025], p = 0.120`; empty of the baseline. */
export function differenceText(difference: SeedsRow["aucDifference"]): string {
  if (difference === undefined) return "";
  const { estimate, low, high, pValue } = difference;
  return `${formatDifference(estimate)} [${formatDifference(low)}, ${formatDifference(high)}], ${formatPValue(pValue)}`;
}

/** Mean and deviation as two values of a record. */
export function spreadRecord(name: string, { mean, deviation }: Spread): Record<string, number | null> {
  return { [name]: mean, [`${name}Deviation`]: Number.isNaN(deviation) ? null : deviation };
}
