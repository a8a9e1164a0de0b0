import { formatSigned } from "../../numbers.ts";
import { plainText, shortened } from "../../text.ts";
import type { RankedBars } from "../report.ts";
import { draw, ink, measureAxis, seriesInk } from "./draw.ts";
import { niceScale } from "./scale.ts";
import { label, line, rect, shapesSeries, shift, type Shape, type ToPixels } from "./shapes.ts";

// Narrow, so that on a telephone its letters are still read.
const width = 440;
const rowHeight = 22;
const barHeight = 14;
/** Width of a letter of a name in pixels, in the widest of the page's fonts. */
const letterWidth = 7.2;
const longestName = 22;
/** Bars that are drawn; the rest stands in the table. */
export const mostRanked = 40;

/** Bars to the right of a base, or to its left where they are lower; the first is the topmost, its name beside it. @param colour its number among those of series */
export function drawRankedBars(
  { title, xLabel, base, digits, bars: all }: RankedBars,
  id: string,
  colour = 0,
): string {
  const bars = all.filter(({ value }) => Number.isFinite(value)).slice(0, mostRanked);
  const ends = bars.flatMap(({ value, spread = 0 }) => [value - spread, value + spread]);
  const x = niceScale([base, ...ends], 4);
  const names = bars.map(({ label: name }) => shortened(plainText(name), longestName));
  const nameWidth = 16 + letterWidth * Math.max(0, ...names.map(({ length }) => length));
  return draw(
    {
      grid: { left: nameWidth, right: 60, top: 8, bottom: 48 },
      xAxis: measureAxis(x, xLabel),
      yAxis: {
        type: "category",
        inverse: true,
        data: names,
        axisLabel: { color: ink.text, fontSize: 12, interval: 0 },
        axisTick: { show: false },
        axisLine: { show: false },
      },
      series: [
        shapesSeries((at) => [
          ...bars.flatMap((bar, row) => barShapes(bar, row, { base, digits, colour }, at)),
          line(
            shift(at([base, 0]), -rowHeight / 2),
            shift(at([base, Math.max(0, bars.length - 1)]), rowHeight / 2),
            ink.muted,
          ),
        ]),
      ],
    },
    {
      width,
      height: Math.max(1, bars.length) * rowHeight + 56,
      id,
      label: `Bar chart: ${title}; ${xLabel}. ${bars.map(({ label: name, value }) => `${name}: ${formatSigned(value, digits)}`).join("; ")}.`,
    },
  );
}

function barShapes(
  { value, spread }: RankedBars["bars"][number],
  row: number,
  { base, digits, colour }: { readonly base: number; readonly digits: number; readonly colour: number },
  at: ToPixels,
): Shape[] {
  const start = at([base, row]);
  const end = at([value, row]);
  const shapes = [rect(shift(start, -barHeight / 2), shift(end, barHeight / 2), seriesInk(colour))];
  if (spread !== undefined && Number.isFinite(spread))
    shapes.push(line(at([value - spread, row]), at([value + spread, row]), ink.text, 1.5));
  const right = Math.max(start[0], at([value + (spread ?? 0), row])[0]);
  return [
    ...shapes,
    label([right + 6, end[1]], formatSigned(value, digits), { fill: ink.text, align: "left", size: 11 }),
  ];
}
