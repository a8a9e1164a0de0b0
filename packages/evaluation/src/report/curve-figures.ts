import { escapeHtml } from "../text.ts";
import { drawCurve } from "./charts/curves.ts";
import type { ColourOf } from "./colours.ts";
import { curveLegend } from "./legend.ts";
import type { Curve } from "./report.ts";

/** Points of all lines together: some 150 kB. */
const pointBudget = 12_000;

/**
 * Line charts with their legends, thinned out to a common size.
 * @param id unlike every other section's on the page @param colourOf models; default: series in their order
 */
export function curveFigures(curves: readonly Curve[], id = "curve", colourOf?: ColourOf): string[] {
  const seriesCount = curves.reduce((sum, { series }) => sum + series.length, 0);
  const limit = Math.max(20, Math.min(500, Math.floor(pointBudget / Math.max(seriesCount, 1))));
  return curves.map((curve, index) => {
    const isOne = curve.series.length === 1;
    const colours = curve.series.map(({ model }, place) =>
      colourOf === undefined || (model === undefined && !isOne) ? place : colourOf(model),
    );
    return `<figure>
<h3>${escapeHtml(curve.title)}</h3>
${curveLegend(curve, limit, colours)}
<div class="scroll half">${drawCurve(curve, limit, `${id}-${index}`, colours)}</div>
</figure>`;
  });
}
