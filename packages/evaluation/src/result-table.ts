import { spread, type DifferenceInterval, type Spread } from "@corella/metrics";
import type { BudgetPoint } from "./budget.ts";
import { csvCell } from "./csv.ts";
import { asksLlm } from "./evaluate.ts";
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
  const columns: SeedsColumn[] = [
    { title: "AUC", cell: ({ auc }) => formatSpread(auc) },
    { title: "validation", cell: ({ validation }) => validation && formatSpread(validation.auc) },
    { title: "logloss", cell: ({ logLoss }) => formatSpread(logLoss) },
    { title: "accuracy", cell: ({ accuracy }) => formatSpread(accuracy) },
    ...(asksLlm(rows)
      ? [
          {
            title: "to LLM",
            cell: ({ shareToLlm }: SeedsRow) =>
              shareToLlm === undefined ? undefined : formatShare(shareToLlm),
          },
        ]
      : []),
    ...(baselineRow === undefined
      ? []
      : [
          {
            title: `AUC against ${baselineRow.title}`,
            cell: ({ aucDifference }: SeedsRow) => differenceText(aucDifference),
          },
        ]),
    { title: "GAUC", cell: ({ groupAuc }) => groupAuc && formatSpread(groupAuc) },
    { title: "ECE", cell: ({ calibrationError }) => formatSpread(calibrationError) },
    {
      title: "validation logloss",
      cell: ({ validation }) => validation && formatSpread(validation.logLoss),
    },
    { title: "minutes", cell: ({ trainingMinutes }) => trainingMinutes?.toFixed(1) },
  ];
  // Those that say something of one model at least.
  const known = columns.filter(({ cell }) => rows.some((row) => cell(row) !== undefined));
  return {
    name,
    title,
    note: [seedsNote(evaluation), note].filter((text) => text !== "").join(" "),
    columns: ["model", ...known.map((column) => column.title)],
    rows: rows.map((row) => [row.title, ...known.map(({ cell }) => cell(row) ?? "")]),
    records: rows.map((row) => ({
      ...modelRecord(row),
      ...spreadRecord("logLoss", row.logLoss),
      ...spreadRecord("accuracy", row.accuracy),
      ...spreadRecord("groupAuc", row.groupAuc),
      ...spreadRecord("calibrationError", row.calibrationError),
      ...spreadRecord("validationAuc", row.validation?.auc),
      ...spreadRecord("validationLogLoss", row.validation?.logLoss),
      seeds,
      shareToLlm: row.shareToLlm ?? null,
      trainingMinutes: row.trainingMinutes ?? null,
    })),
  };
}

/** A column of figures over seeds. */
interface SeedsColumn {
  readonly title: string;
  /** Undefined where a model has no such figure. */
  readonly cell: (row: SeedsRow) => string | undefined;
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
    columns: ["asked for", "to LLM", "AUC replacing", "logloss replacing", "AUC adding", "logloss adding"],
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

/** `+0.0011 [−0.0003, +0.0025], p = 0.120`; a dash where there is no AUC, empty of the baseline. */
export function differenceText(difference: DifferenceInterval | undefined): string {
  if (difference === undefined) return "";
  const { estimate, low, high, pValue } = difference;
  if (Number.isNaN(estimate)) return "–";
  return `${formatDifference(estimate)} [${formatDifference(low)}, ${formatDifference(high)}], ${formatPValue(pValue)}`;
}

/** Mean and deviation as two values of a record; null where there is none. */
export function spreadRecord(name: string, figure: Spread | undefined): Record<string, number | null> {
  const [mean, deviation] = [figure?.mean, figure?.deviation].map((value) =>
    value === undefined || Number.isNaN(value) ? null : value,
  );
  return { [name]: mean!, [`${name}Deviation`]: deviation! };
}
