import type { Interval } from "@corella/metrics";
import { furtherColumns } from "./further-columns.ts";
import { asksLlm, baselineTitle, type Evaluation, type EvaluationRow } from "./evaluate.ts";
import {
  formatCount,
  formatDifference,
  formatLevel,
  formatMetric,
  formatPValue,
  formatShare,
  formatShort,
} from "./numbers.ts";
import { plainText } from "./text.ts";

const lineWidth = 110;
const gap = "  ";

/** The evaluation for a terminal, at most 110 columns wide: a line a model, and below it the comparisons with the baseline. */
export function formatTable(evaluation: Evaluation): string {
  const withShare = asksLlm(evaluation.rows);
  const withValidation = evaluation.rows.some(({ validation }) => validation !== undefined);
  const level = formatLevel(evaluation.level);
  const header = [
    `AUC [${level}]`,
    ...(withValidation ? ["validation"] : []),
    `logloss [${level}]`,
    `accuracy [${level}]`,
  ];
  const cells = evaluation.rows.map((row) => [
    shortInterval(row.auc),
    ...(withValidation ? [formatShort(row.validation?.auc.estimate ?? Number.NaN)] : []),
    shortInterval(row.logLoss),
    shortInterval(row.accuracy),
  ]);
  if (withShare) {
    header.push("to LLM");
    for (const [i, row] of evaluation.rows.entries()) cells[i]!.push(shareCell(row));
  }
  const widths = header.map((title, column) =>
    Math.max(title.length, ...cells.map((line) => line[column]!.length)),
  );
  const restWidth = widths.reduce((sum, width) => sum + gap.length + width, 0);
  const names = evaluation.rows.map(({ title }) => wrap(plainText(title), lineWidth - restWidth));
  const nameWidth = Math.max("model".length, ...names.flat().map((line) => line.length));
  const line = (name: string, columns: readonly string[]): string =>
    [name.padEnd(nameWidth), ...columns.map((cell, column) => cell.padEnd(widths[column]!))]
      .join(gap)
      .trimEnd();

  const lines = [line("model", header), "─".repeat(nameWidth + restWidth)];
  for (const [i, [first = "", ...others]] of names.entries()) {
    lines.push(line(first, cells[i]!), ...others);
  }
  lines.push("", ...wrap(tableNote(evaluation), lineWidth));
  return [...lines, ...comparisonLines(evaluation), ...furtherLines(evaluation)].join("\n");
}

/** A line a model with what else is known: the validation part, calibration, costs. */
function furtherLines({ rows }: Evaluation): string[] {
  const columns = furtherColumns(rows);
  if (columns.length === 0) return [];
  const cells = rows.map((row) => columns.map(({ cell }) => cell(row)));
  const widths = columns.map(({ title }, index) => maxLength([title, ...cells.map((line) => line[index]!)]));
  const restWidth = widths.reduce((sum, width) => sum + gap.length + width, 0);
  const names = rows.map(({ title }) => wrap(plainText(title), lineWidth - restWidth - 2));
  const nameWidth = maxLength(["Further", ...names.flat()]);
  const line = (name: string, texts: readonly string[]): string =>
    [name.padEnd(nameWidth + 2), ...texts.map((text, index) => text.padStart(widths[index]!))].join(gap);
  return [
    "",
    line(
      "Further:",
      columns.map(({ title }) => title),
    ),
    ...names.flatMap(([first = "", ...others], index) => [
      line(`  ${first}`, cells[index]!),
      ...others.map((other) => `  ${other}`),
    ]),
  ];
}

function comparisonLines(evaluation: Evaluation): string[] {
  const compared = evaluation.rows.filter(({ versusBaseline }) => versusBaseline !== undefined);
  const baseline = baselineTitle(evaluation);
  if (baseline === undefined || compared.length === 0) return [];
  const texts = compared.map(({ versusBaseline }) => comparison(versusBaseline!));
  const names = compared.map(({ title }) =>
    wrap(plainText(title), lineWidth - 2 - gap.length - maxLength(texts)),
  );
  const nameWidth = maxLength(names.flat());
  const lines = names.flatMap(([first = "", ...others], i) => [
    `  ${first.padEnd(nameWidth)}${gap}${texts[i]!}`,
    ...others.map((other) => `  ${other}`),
  ]);
  return ["", ...wrap(`AUC against ${plainText(baseline)}:`, lineWidth), ...lines];
}

/** The evaluation as a Markdown table with a sentence on the intervals, for a README or an issue. */
export function formatMarkdownTable(evaluation: Evaluation): string {
  const withShare = asksLlm(evaluation.rows);
  const baseline = baselineTitle(evaluation);
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const withValidation = evaluation.rows.some(({ validation }) => validation !== undefined);
  const header = ["model", "AUC", ...(withValidation ? ["validation"] : []), "logloss", "accuracy"];
  if (withShare) header.push("to LLM");
  const further = furtherColumns(evaluation.rows);
  header.push(...further.map(({ title }) => title));
  if (baseline !== undefined) header.push(`AUC against ${markdownText(baseline)}`);
  const lines = [row(header), row(header.map((_, column) => (column === 0 ? "---" : "---:")))];
  for (const model of evaluation.rows) {
    const cells = [
      markdownText(model.title),
      interval(model.auc),
      ...(withValidation ? [formatMetric(model.validation?.auc.estimate ?? Number.NaN)] : []),
      interval(model.logLoss),
      interval(model.accuracy),
    ];
    if (withShare) cells.push(shareCell(model));
    cells.push(...further.map(({ cell }) => cell(model)));
    if (baseline !== undefined)
      cells.push(model.versusBaseline === undefined ? "–" : comparison(model.versusBaseline));
    lines.push(row(cells));
  }
  return `${lines.join("\n")}\n\n${tableNote(evaluation)}\n`;
}

/** What the samples are, and what the intervals and p-values are, in a sentence. */
export function tableNote(evaluation: Evaluation): string {
  const { count, sampledFrom } = evaluation;
  const of = sampledFrom === undefined ? "" : ` of ${formatCount(sampledFrom.count)}, ${sampledFrom.how}`;
  return `${formatCount(count)} samples${of}, ${positiveShare(evaluation)} positive; ${method(evaluation)}`;
}

function method({ samples, seed, level, groupCount, rows }: Evaluation): string {
  const by = groupCount === undefined ? "by rows" : `by users (${formatCount(groupCount)})`;
  const compared = rows.some(({ versusBaseline }) => versusBaseline !== undefined);
  return `in brackets ${formatLevel(level)} intervals${compared ? ", and p," : ""} of ${formatCount(samples)} paired bootstrap resamples ${by}, seed ${seed}.`;
}

function positiveShare({ count, positives }: Evaluation): string {
  return formatShare(positives / count);
}

function shareCell({ shareToLlm }: EvaluationRow): string {
  return shareToLlm === undefined ? "–" : formatShare(shareToLlm);
}

function comparison({ aucDifference }: NonNullable<EvaluationRow["versusBaseline"]>): string {
  const { estimate, low, high, pValue } = aucDifference;
  if (Number.isNaN(estimate)) return "–";
  return `${formatDifference(estimate)} [${formatDifference(low)}, ${formatDifference(high)}], ${formatPValue(pValue)}`;
}

/** A dash where there is none, as of the AUC of one class. */
function interval({ estimate, low, high }: Interval): string {
  if (Number.isNaN(estimate)) return "–";
  return `${formatMetric(estimate)} [${formatMetric(low)}, ${formatMetric(high)}]`;
}

function shortInterval({ estimate, low, high }: Interval): string {
  if (Number.isNaN(estimate)) return "–";
  return `${formatShort(estimate)} [${formatShort(low)}, ${formatShort(high)}]`;
}

function markdownText(text: string): string {
  return plainText(text).replace(/[\\`*_[\]<>|~&]/g, "\\$&");
}

function maxLength(texts: readonly string[]): number {
  return Math.max(...texts.map((text) => text.length));
}

/** Lines of at most `width` characters, broken at blanks where it can be. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const blank = rest.lastIndexOf(" ", width);
    const end = blank > 0 ? blank : width;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest];
}
