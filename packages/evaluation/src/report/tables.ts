import type { Interval } from "@corella/metrics";
import type { BoundaryComparison, BoundaryShift } from "@corella/routing";
import { groupName, groupTitle } from "../entropy.ts";
import { asksLlm, baselineTitle, type Evaluation, type EvaluationRow } from "../evaluate.ts";
import { furtherColumns } from "../further-columns.ts";
import { formatCount, formatDifference, formatMetric, formatPValue, formatShare } from "../numbers.ts";
import { escapeHtml } from "../text.ts";
import type { ReportTable } from "./report.ts";

/** The paper's table 1 with intervals; the best estimate of each metric is bold, of what is a model. */
export function evaluationTable(evaluation: Evaluation): string {
  const { rows } = evaluation;
  const baseline = baselineTitle(evaluation);
  const withShare = asksLlm(rows);
  const withValidation = rows.some(({ validation }) => validation !== undefined);
  const all = rows.filter(({ isSimple }) => isSimple !== true);
  // One alone is not the best of anything.
  const models = all.length > 1 ? all : [];
  const best = {
    auc: Math.max(...finite(models.map(({ auc }) => auc.estimate))),
    logLoss: Math.min(...finite(models.map(({ logLoss }) => logLoss.estimate))),
    accuracy: Math.max(...finite(models.map(({ accuracy }) => accuracy.estimate))),
  };
  const columns: Column[] = [
    { title: "model" },
    { title: "AUC" },
    ...(withValidation ? [{ title: "on validation" }] : []),
    { title: "logloss" },
    { title: "accuracy" },
    ...(withShare ? [{ title: "to the LLM" }] : []),
    ...(baseline === undefined ? [] : [{ title: `AUC against ${baseline}`, isWide: true }]),
  ];
  const cells = rows.map((row) => [
    escapeHtml(row.title),
    metricCell(row.auc, best.auc),
    ...(withValidation ? [formatMetric(row.validation?.auc.estimate ?? Number.NaN)] : []),
    metricCell(row.logLoss, best.logLoss),
    metricCell(row.accuracy, best.accuracy),
    ...(withShare ? [row.shareToLlm === undefined ? "–" : formatShare(row.shareToLlm)] : []),
    ...(baseline === undefined ? [] : [comparisonCell(row)]),
  ]);
  return table(columns, cells);
}

/** Figures besides, and costs, in a table of their own, so that neither is too wide; empty where nothing is known. */
export function furtherTable({ rows }: Evaluation): string {
  const further = furtherColumns(rows);
  if (further.length === 0) return "";
  return table(
    [{ title: "model" }, ...further.map(({ title }) => ({ title }))],
    rows.map((row) => [escapeHtml(row.title), ...further.map(({ cell }) => escapeHtml(cell(row)))]),
  );
}

function finite(values: readonly number[]): number[] {
  return values.filter(Number.isFinite);
}

function metricCell({ estimate, low, high }: Interval, best: number): string {
  if (Number.isNaN(estimate)) return "–";
  const strong = estimate === best ? ' class="best"' : "";
  return `<span${strong}>${formatMetric(estimate)}</span><small>[${formatMetric(low)}, ${formatMetric(high)}]</small>`;
}

function comparisonCell({ versusBaseline }: EvaluationRow): string {
  if (versusBaseline === undefined) return "–";
  const { estimate, low, high, pValue } = versusBaseline.aucDifference;
  if (Number.isNaN(estimate)) return "–";
  return `${formatDifference(estimate)}<small>[${formatDifference(low)}, ${formatDifference(high)}], ${escapeHtml(formatPValue(pValue))}</small>`;
}

/** How CRM and LLM draw their boundaries, over all samples and from the least confident group to the most. */
export function boundaryTable(boundary: BoundaryShift): string {
  const titles = [
    "samples",
    "count",
    "disagree",
    "best threshold CRM",
    "best threshold LLM",
    "mean logit shift",
    "logit correlation",
    "AUC CRM",
    "AUC LLM",
  ];
  const groups = boundary.groups.toReversed();
  const rows: [string, BoundaryComparison][] = [
    ["all", boundary],
    ...groups.map((group, index): [string, BoundaryComparison] => [
      groupTitle(groupName(index, groups.length)),
      group,
    ]),
  ];
  const cells = rows.map(([name, shift]) => [
    name,
    formatCount(shift.count),
    formatShare(shift.disagreement),
    formatMetric(shift.bestThresholdCrm, 3),
    formatMetric(shift.bestThresholdLlm, 3),
    formatDifference(shift.meanLogitShift, 3),
    formatMetric(shift.logitCorrelation, 3),
    formatMetric(shift.aucCrm),
    formatMetric(shift.aucLlm),
  ]);
  return `<h3>Decision boundaries of CRM and LLM</h3>
<p class="note">Disagree: one says yes at 0.5 and the other no. The best threshold is that of the highest accuracy; far from 0.5 the boundary is shifted. The logit shift is above 0 where the LLM leans to yes.</p>
${table(
  titles.map((title) => ({ title, isWide: true })),
  cells,
)}`;
}

/** A table of plain text as HTML, escaped. */
export function plainTable({ columns, rows }: ReportTable): string {
  return table(
    columns.map((title) => ({ title })),
    rows.map((row) => row.map(escapeHtml)),
    "plain",
  );
}

/** Longer texts than this break into lines; shorter ones, dates, numbers and intervals, are kept whole. */
const longText = 24;

/** A column of a table. */
export interface Column {
  /** Plain text. */
  readonly title: string;
  /** Whether its head may break into lines. */
  readonly isWide?: boolean;
}

/**
 * A table whose cells are HTML; the first of a row is its head. Where it is too wide it scrolls, and on a telephone each row is a
 * list of its cells, with the columns' heads before them.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  name?: string,
): string {
  const heads = columns.map(
    ({ title, isWide }) => `<th${isWide === true ? ' class="wide"' : ""}>${escapeHtml(title)}</th>`,
  );
  const head = columns.some(({ title }) => title !== "") ? `<thead><tr>${heads.join("")}</tr></thead>\n` : "";
  const lines = rows.map((cells) =>
    cells
      .map((content, place) => {
        if (place === 0) return `<th scope="row">${content}</th>`;
        const title = columns[place]?.title ?? "";
        const long = name === "plain" && content.length > longText ? ' class="long"' : "";
        const label = title === "" ? "" : ` data-label="${escapeHtml(title)}"`;
        return `<td${long}${label}>${content}</td>`;
      })
      .join(""),
  );
  const body = lines.map((line) => `<tr>${line}</tr>`).join("\n");
  const attribute = name === undefined ? "" : ` class="${name}"`;
  return `<div class="scroll"><table${attribute}>\n${head}<tbody>\n${body}\n</tbody>\n</table></div>`;
}
