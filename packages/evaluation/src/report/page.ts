import { formatCount } from "../numbers.ts";
import { escapeHtml } from "../text.ts";
import { drawBars } from "./charts/bars.ts";
import { modelColours } from "./colours.ts";
import { confidenceSection } from "./confidence-section.ts";
import { curveFigures } from "./curve-figures.ts";
import { glossarySection } from "./glossary.ts";
import { legend } from "./legend.ts";
import { rankedSection } from "./ranked-section.ts";
import type { BarChart, Page, ReportDetail, SummaryCard } from "./report.ts";
import { styleSheet } from "./style.ts";
import { plainTable } from "./tables.ts";

/** An HTML file that needs nothing else: styles and pictures are inside, and there is no script. */
export function htmlPage(title: string, sections: readonly string[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${styleSheet}</style>
</head>
<body>
<main>
${sections.filter((section) => section !== "").join("\n")}
<footer>Made by @corella/evaluation.</footer>
</main>
</body>
</html>
`;
}

/** The top of a page: title, subtitle and the cards with the figures of the first glance. */
export function headerSection(
  title: string,
  subtitle: string | undefined,
  summary: readonly SummaryCard[],
): string {
  const cards = summary.map(
    ({ label, value }) => `<div><dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}</dd></div>`,
  );
  return [
    "<header>",
    `<h1>${escapeHtml(title)}</h1>`,
    subtitle === undefined ? "" : `<p class="subtitle">${escapeHtml(subtitle)}</p>`,
    cards.length === 0 ? "" : `<dl class="cards">${cards.join("")}</dl>`,
    "</header>",
  ].join("\n");
}

/** What is wrong, a line each; empty of nothing. */
export function warningList(warnings: readonly string[]): string {
  if (warnings.length === 0) return "";
  const items = warnings.map((warning) => `<li>${escapeHtml(warning)}</li>`);
  return `<ul class="warnings">${items.join("\n")}</ul>`;
}

/** The end of a page: what unfolds at a click. Empty where there are no details. */
export function detailsSection(details: readonly ReportDetail[]): string {
  if (details.length === 0) return "";
  return `<section>\n<h2>Details</h2>\n${details.map(detail).join("\n")}\n</section>`;
}

function detail(part: ReportDetail): string {
  const content =
    "text" in part
      ? `<pre>${escapeHtml(part.text)}</pre>`
      : "tables" in part
        ? part.tables.map(plainTable).join("\n")
        : plainTable(part.table);
  return `<details><summary>${escapeHtml(part.heading)}</summary>${content}</details>`;
}

/** Figures, charts and tables as one HTML file, for example of a data set. The same page gives the same bytes. */
export function renderPage({
  title,
  subtitle,
  summary,
  verdict = "",
  models,
  curves = [],
  charts,
  tables,
  confidenceGroups,
  ranked,
  warnings = [],
  glossary = [],
  details = [],
}: Page): string {
  const bars = charts.map(
    (chart, index) => `<figure>
<h3>${escapeHtml(chart.title)}</h3>
${chart.note === undefined ? "" : `<p class="note">${escapeHtml(chart.note)}</p>`}
${chart.series.length > 1 ? legend(chart.series) : ""}
<div class="scroll half">${drawBars(chart, `chart-${index}`)}</div>
${barsAsTable(chart)}
</figure>`,
  );
  const colourOf = models && modelColours({ rows: models.map((name) => ({ name })) });
  const figures = [...curveFigures(curves, "curve", colourOf), ...bars];
  return htmlPage(title, [
    headerSection(title, subtitle, summary),
    verdict === "" ? "" : `<p class="verdict">${escapeHtml(verdict)}</p>`,
    warningList(warnings),
    ...tables.map(
      ({ heading, note, table }) =>
        `<section>\n<h2>${escapeHtml(heading)}</h2>\n${note === undefined ? "" : `<p class="note">${escapeHtml(note)}</p>\n`}${plainTable(table)}\n</section>`,
    ),
    confidenceSection(confidenceGroups, 0.95, colourOf),
    figures.length === 0
      ? ""
      : `<section>\n<h2>Pictures</h2>\n<div class="curves">\n${figures.join("\n")}\n</div>\n</section>`,
    ranked === undefined ? "" : rankedSection(ranked, "ranked"),
    glossarySection(glossary),
    detailsSection(details),
  ]);
}

/** The numbers under a picture, for who cannot see it or wants them exactly. */
function barsAsTable({ xLabel, series, bars }: BarChart): string {
  const rows = bars.map(({ label, values }) => [label, ...values.map(formatCount)]);
  return `<details><summary>Numbers</summary>${plainTable({ columns: [xLabel, ...series], rows })}</details>`;
}
