import { escapeHtml } from "../text.ts";
import { curveLine } from "./charts/curves.ts";
import { seriesColourCount } from "./charts/draw.ts";
import type { Curve } from "./report.ts";

/**
 * The colours and names of series as HTML above the picture: however many and long the names, they wrap and cover
 * nothing.
 */
export function legend(names: readonly string[]): string {
  const items = names.map(
    (name, index) =>
      `<li><i style="--key:var(--series-${index % seriesColourCount})"></i><span>${escapeHtml(name)}</span></li>`,
  );
  return `<ul class="legend">${items.join("")}</ul>`;
}

/** The legend of a line chart, and what was done to its series before they were drawn. */
export function curveLegend({ series }: Curve, limit: number): string {
  const lines = series.map((one) => curveLine(one, limit));
  const names = series.map(({ name }, index) => {
    const { leftOut } = lines[index]!;
    return leftOut === 0 ? name : `${name} (${leftOut} not finite)`;
  });
  const smoothed = lines.some(({ mean }) => mean !== undefined);
  return legend(names) + (smoothed ? '<p class="note">Pale: as measured; bold: running mean.</p>' : "");
}
