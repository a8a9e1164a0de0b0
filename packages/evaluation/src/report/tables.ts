import type { Interval } from "@corella/metrics";
import type { BoundaryComparison, BoundaryShift } from "@corella/routing";
import { costCell, costColumns } from "../cost.ts";
import { groupName, groupTitle } from "../entropy.ts";
import { baselineTitle, type Evaluation, type EvaluationRow } from "../evaluate.ts";
import { formatCount, formatDifference, formatMetric, formatPValue, formatShare } from "../numbers.ts";
import { escapeHtml } from "../text.ts";
import type { ReportTable } from "./report.ts";

/** The paper's table 1 with intervals; the best estimate of each metric is bold. */
export function evaluationTable(evaluation: Evaluation): string {
  const { rows } = evaluation;
  const baseline = baselineTitle(evaluation);
  const withShare = rows.some(({ shareToLlm }) => shareToLlm !== undefined);
  const costs = costColumns(rows);
  const best = {
    auc: Math.max(...finite(rows.map(({ auc }) => auc.estimate))),
    logLoss: Math.min(...finite(rows.map(({ logLoss }) => logLoss.estimate))),
    accuracy: Math.max(...finite(rows.map(({ accuracy }) => accuracy.estimate))),
  };
  const header = [
    "<th>model</th><th>AUC</th><th>logloss</th><th>accuracy</th>",
    withShare ? "<th>to the LLM</th>" : "",
    ...costs.map(({ title }) => `<th>${title}</th>`),
    baseline === undefined ? "" : `<th class="wide">AUC against ${escapeHtml(baseline)}</th>`,
  ].join("");
  const lines = rows.map((row) => {
    const cells = [
      `<th scope="row">${escapeHtml(row.title)}</th>`,
      metricCell(row.auc, best.auc),
      metricCell(row.logLoss, best.logLoss),
      metricCell(row.accuracy, best.accuracy),
    ];
    if (withShare) cells.push(cell(row.shareToLlm === undefined ? "–" : formatShare(row.shareToLlm)));
    cells.push(...costs.map((column) => cell(costCell(column, row.cost))));
    if (baseline !== undefined) cells.push(comparisonCell(row));
    return cells.join("");
  });
  return table(header, lines);
}

function finite(values: readonly number[]): number[] {
  return values.filter(Number.isFinite);
}

function metricCell({ estimate, low, high }: Interval, best: number): string {
  const strong = estimate === best ? ' class="best"' : "";
  return `<td><span${strong}>${formatMetric(estimate)}</span><small>[${formatMetric(low)}, ${formatMetric(high)}]</small></td>`;
}

function comparisonCell({ versusBaseline }: EvaluationRow): string {
  if (versusBaseline === undefined) return cell("–");
  const { estimate, low, high, pValue } = versusBaseline.aucDifference;
  return `<td>${formatDifference(estimate)}<small>[${formatDifference(low)}, ${formatDifference(high)}], ${escapeHtml(formatPValue(pValue))}</small></td>`;
}

/** How CRM and LLM draw their boundaries, over all samples and from the least confident group to the most. */
export function boundaryTable(boundary: BoundaryShift): string {
  const header = [
    "samples",
    "count",
    "disagree",
    "best threshold CRM",
    "LLM",
    "mean logit shift",
    "logit correlation",
    "AUC CRM",
    "LLM",
  ];
  const groups = boundary.groups.toReversed();
  const rows: [string, BoundaryComparison][] = [
    ["all", boundary],
    ...groups.map((group, index): [string, BoundaryComparison] => [
      groupTitle(groupName(index, groups.length)),
      group,
    ]),
  ];
  const lines = rows.map(([name, shift]) =>
    [
      `<th scope="row">${name}</th>`,
      cell(formatCount(shift.count)),
      cell(formatShare(shift.disagreement)),
      cell(formatMetric(shift.bestThresholdCrm, 3)),
      cell(formatMetric(shift.bestThresholdLlm, 3)),
      cell(formatDifference(shift.meanLogitShift, 3)),
      cell(formatMetric(shift.logitCorrelation, 3)),
      cell(formatMetric(shift.aucCrm)),
      cell(formatMetric(shift.aucLlm)),
    ].join(""),
  );
  return `<h3>Decision boundaries of CRM and LLM</h3>
<p class="note">Disagree: one says yes at 0.5 and the other no. The best threshold is that of the highest accuracy; far from 0.5 the boundary is shifted. The logit shift is above 0 where the LLM leans to yes.</p>
${table(header.map((title) => `<th>${title}</th>`).join(""), lines)}`;
}

/** A table of plain text as HTML, escaped. */
export function plainTable({ columns, rows }: ReportTable): string {
  const header = columns.map((column) => `<th>${escapeHtml(column)}</th>`).join("");
  const lines = rows.map((row) => row.map((text) => cell(escapeHtml(text))).join(""));
  return table(header, lines, "plain");
}

/** A cell of a table; `content` is HTML. */
export function cell(content: string): string {
  return `<td>${content}</td>`;
}

/** A table of header cells and rows of cells, all HTML, that scrolls where it is too wide. */
export function table(header: string, lines: readonly string[], name?: string): string {
  const body = lines.map((line) => `<tr>${line}</tr>`).join("\n");
  const attribute = name === undefined ? "" : ` class="${name}"`;
  return `<div class="scroll"><table${attribute}>\n<thead><tr>${header}</tr></thead>\n<tbody>\n${body}\n</tbody>\n</table></div>`;
}
