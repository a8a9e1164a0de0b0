import { baselineTitle } from "../evaluate.ts";
import { formatLevel } from "../numbers.ts";
import { tableNote } from "../table.ts";
import { escapeHtml } from "../text.ts";
import { drawEntropyHistogram } from "./charts/histogram.ts";
import { drawAucIntervals } from "./charts/intervals.ts";
import { modelColours } from "./colours.ts";
import { confidenceSection } from "./confidence-section.ts";
import { curveFigures } from "./curve-figures.ts";
import { glossaryOf, glossarySection } from "./glossary.ts";
import { legend } from "./legend.ts";
import { detailsSection, headerSection, htmlPage, warningList } from "./page.ts";
import { rankedSection } from "./ranked-section.ts";
import type { Report } from "./report.ts";
import { segmentsSection } from "./segments-section.ts";
import { sharesSection } from "./shares-section.ts";
import { boundaryTable, evaluationTable, furtherTable } from "./tables.ts";
import { inBothWidths } from "./widths.ts";

/**
 * The report as one HTML file that needs nothing else: styles and pictures are inside, and there is no script.
 * The same report gives the same bytes. Curves are thinned out, so that the file stays below 400 kB unless the texts
 * of `details` are long themselves.
 */
export function renderReport(report: Report): string {
  const colourOf = modelColours(report.evaluation);
  return htmlPage(report.title, [
    headerSection(report.title, report.subtitle, report.summary),
    resultsSection(report),
    confidenceSection(report.confidenceGroups, report.evaluation.level, colourOf),
    routingSection(report),
    segmentsSection(report.segments ?? [], report.evaluation),
    report.shares === undefined ? "" : sharesSection(report.shares, colourOf),
    report.ranked === undefined ? "" : rankedSection(report.ranked, "ranked", colourOf),
    curvesSection(report),
    glossarySection(glossaryOf(report.evaluation, report.glossary)),
    detailsSection(report.details),
  ]);
}

function resultsSection({ evaluation, baselineNote, warnings = [] }: Report): string {
  return `<section>
<h2>Results</h2>
<p class="note">${escapeHtml(tableNote(evaluation))}</p>
${evaluationTable(evaluation)}
${baselineNote === undefined ? "" : `<p class="verdict">${escapeHtml(baselineNote)}</p>`}
${warningList(warnings)}
${furtherTable(evaluation)}
${intervalsFigure(evaluation)}
</section>`;
}

/** The picture of the AUCs; empty where there are none. */
function intervalsFigure(evaluation: Report["evaluation"]): string {
  const { rows, level } = evaluation;
  if (!rows.some(({ isSimple, auc }) => isSimple !== true && Number.isFinite(auc.estimate))) return "";
  const baseline = baselineTitle(evaluation);
  return `<figure>
<h3>AUC and its ${formatLevel(level)} interval</h3>
${baseline === undefined ? "" : `<p class="note">Dashed: ${escapeHtml(baseline)}. Overlapping intervals do not mean that there is no difference: the table compares within the same resamples.</p>`}
${inBothWidths("intervals", (picture) => drawAucIntervals(evaluation, picture))}
</figure>`;
}

function routingSection({ evaluation, entropyHistogram, boundary }: Report): string {
  if (entropyHistogram === undefined && boundary === undefined) return "";
  // Of a CRM alone nothing goes anywhere.
  const isRouted = boundary !== undefined || entropyHistogram?.threshold !== undefined;
  const parts = ["<section>", `<h2>${isRouted ? "Routing" : "How sure the CRM is"}</h2>`];
  if (entropyHistogram !== undefined) {
    const routed = entropyHistogram.threshold !== undefined;
    const colourOf = modelColours(evaluation);
    const colours = { crm: colourOf("crm"), llm: colourOf("llm") };
    parts.push(
      "<figure>",
      "<h3>Prediction entropy of the CRM</h3>",
      routed ? legend(["answered by the CRM", "go to the LLM"], [colours.crm, colours.llm]) : "",
      inBothWidths("entropy", (picture) => drawEntropyHistogram(entropyHistogram, colours, picture)),
      "</figure>",
    );
  }
  if (boundary !== undefined) parts.push(boundaryTable(boundary));
  return [...parts, "</section>"].join("\n");
}

function curvesSection({ curves, evaluation }: Report): string {
  if (curves.length === 0) return "";
  return `<section>\n<h2>Training</h2>\n<div class="curves">\n${curveFigures(curves, "curve", modelColours(evaluation)).join("\n")}\n</div>\n</section>`;
}
