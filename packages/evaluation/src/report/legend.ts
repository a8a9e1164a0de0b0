import { escapeHtml } from "../text.ts";
import { curveLine } from "./charts/curves.ts";
import { seriesColourCount } from "./charts/draw.ts";
import type { Curve } from "./report.ts";

/** Legends are HTML above the picture: however many and long the names, they wrap and cover nothing. */
export function legend(names: readonly string[]): string {
  const items = names.map(
    (name, index) =>
      `<li><i style="--key:var(--series-${index % seriesColourCount})"></i><span>${escapeHtml(name)}</span></li>`,
  );
  return `<ul class="legend">${items.join("")}</ul>`;
}

/** With a word on what was done to a series before it was drawn. */
export function curveLegend({ series }: Curve, limit: number): string {
  const names = series.map((one) => {
    const { meanWidth, leftOut } = curveLine(one, limit);
    const remarks = [];
    if (meanWidth !== undefined) remarks.push(`bold: mean of ${meanWidth} points`);
    if (leftOut > 0) remarks.push(`${leftOut} not finite`);
    return remarks.length === 0 ? one.name : `${one.name} (${remarks.join("; ")})`;
  });
  return legend(names);
}
