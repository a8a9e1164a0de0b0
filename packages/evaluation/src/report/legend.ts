import { escapeHtml } from "../text.ts";
import { curveLine } from "./charts/curves.ts";
import { seriesColourCount } from "./charts/draw.ts";
import type { Curve } from "./report.ts";

/**
 * The colours and names of series as HTML above the picture: however many and long the names, they wrap and cover
 * nothing.
 * @param colours their numbers; default: in their order
 */
export function legend(
  names: readonly string[],
  colours: readonly number[] = names.map((_, index) => index),
): string {
  const items = names.map(
    (name, index) =>
      `<li><i style="--key:var(--series-${colours[index]! % seriesColourCount})"></i><span>${escapeHtml(name)}</span></li>`,
  );
  return `<ul class="legend">${items.join("")}</ul>`;
}

/** The legend of a line chart, and what was done to its series before they were drawn. */
export function curveLegend({ series }: Curve, limit: number, colours: readonly number[]): string {
  const lines = series.map((one) => curveLine(one, limit));
  const names = series.map(({ name }, index) => {
    const { leftOut } = lines[index]!;
    return leftOut === 0 ? name : `${name} (${leftOut} not finite)`;
  });
  const smoothed = lines.some(({ mean }) => mean !== undefined);
  return (
    legend(names, colours) + (smoothed ? '<p class="note">Pale: as measured; bold: running mean.</p>' : "")
  );
}
