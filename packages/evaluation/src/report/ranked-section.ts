import { formatSigned } from "../numbers.ts";
import { escapeHtml } from "../text.ts";
import { drawRankedBars, mostRanked } from "./charts/ranked-bars.ts";
import type { ColourOf } from "./colours.ts";
import type { RankedBars, RankedSection } from "./report.ts";
import { plainTable } from "./tables.ts";

/** Ranked bars side by side under a heading, each with its numbers. @param id unlike every other section's on the page @param colourOf models */
export function rankedSection(
  { heading, note, charts, model }: RankedSection,
  id: string,
  colourOf?: ColourOf,
): string {
  const colour = model === undefined ? 0 : (colourOf?.(model) ?? 0);
  const figures = charts
    .filter(({ bars }) => bars.some(({ value }) => Number.isFinite(value)))
    .map((chart, index) => rankedFigure(chart, `${id}-${index}`, colour));
  if (figures.length === 0) return "";
  return `<section>
<h2>${escapeHtml(heading)}</h2>
${note === undefined ? "" : `<p class="note">${escapeHtml(note)}</p>`}
<div class="ranked">
${figures.join("\n")}
</div>
</section>`;
}

function rankedFigure(chart: RankedBars, id: string, colour: number): string {
  const { title, bars, xLabel, digits } = chart;
  const withSpread = bars.some(({ spread }) => spread !== undefined);
  const withRemark = bars.some(({ remark }) => remark !== undefined);
  const columns = ["", xLabel, ...(withSpread ? ["±"] : []), ...(withRemark ? ["remark"] : [])];
  const rows = bars.map(({ label, value, spread, remark }) => [
    label,
    formatSigned(value, digits),
    ...(withSpread ? [formatSigned(spread ?? Number.NaN, digits)] : []),
    ...(withRemark ? [remark ?? ""] : []),
  ]);
  const more = bars.length - mostRanked;
  return `<figure>
<h3>${escapeHtml(title)}</h3>
${more > 0 ? `<p class="note">The first ${mostRanked}; ${more} more stand among the numbers.</p>` : ""}
<div class="scroll">${drawRankedBars(chart, id, colour)}</div>
<details><summary>Numbers</summary>${plainTable({ columns, rows })}</details>
</figure>`;
}
