import type { BarChart } from "../report.ts";
import { axisName, axisText, draw, ink, noAxisLine, seriesInk } from "./draw.ts";
import { niceScale } from "./scale.ts";
import { rect, shapesSeries, type Shape, type ToPixels } from "./shapes.ts";

// Narrow, so that on a telephone its letters are still read.
const width = 460;
const height = 290;
/** Length of the axis, in pixels. */
const axisWidth = 380;
/** Width of a letter of a label in pixels, with its share of the gap to the next one, and without. */
const [letterWidth, bareLetterWidth] = [8.5, 7];
/** Right of the axis. */
const margin = 16;

/** Bars side by side in their order, each stacked of the series' values. */
export function drawBars({ title, xLabel, yLabel, series, bars }: BarChart, id: string): string {
  const totals = bars.map(({ values }) => values.reduce((sum, value) => sum + value, 0));
  const y = niceScale([0, ...totals], 5);
  const longest = Math.max(1, ...bars.map(({ label }) => label.length));
  const labelEvery = Math.max(1, Math.ceil((bars.length * longest * letterWidth) / axisWidth));
  /** The label of a bar at whose left end it begins; none where it would be cut at the picture's edge. */
  const labelAt = (place: number): string => {
    const label = bars[place]?.label ?? "";
    const end = (place / bars.length) * axisWidth + label.length * bareLetterWidth;
    return end <= axisWidth + margin ? label : "";
  };
  return draw(
    {
      grid: { left: 64, right: margin, top: 12, bottom: 48 },
      xAxis: {
        type: "value",
        min: 0,
        max: Math.max(bars.length, 1),
        // A tick at each bar's left end; its label is the bar's.
        interval: labelEvery,
        axisLabel: { ...axisText, align: "left", formatter: labelAt },
        axisLine: { lineStyle: { color: ink.muted } },
        axisTick: { show: false },
        splitLine: { show: false },
        ...axisName(xLabel, 30),
      },
      yAxis: {
        type: "value",
        min: 0,
        max: y.max,
        interval: y.interval,
        axisLabel: { ...axisText, formatter: y.format },
        ...noAxisLine,
        splitLine: { lineStyle: { color: ink.line } },
        ...axisName(yLabel, 48),
      },
      series: [shapesSeries((at) => bars.flatMap(({ values }, place) => barShapes(values, place, at)))],
    },
    { width, height, id, label: `Bar chart: ${title}; ${yLabel} by ${xLabel}, of ${series.join(", ")}.` },
  );
}

function barShapes(values: readonly number[], place: number, at: ToPixels): Shape[] {
  let below = 0;
  return values.flatMap((value, index) => {
    const [x1, y1] = at([place, below]);
    const [x2, y2] = at([place + 1, below + value]);
    below += value;
    return value === 0 ? [] : [rect([x1 + 1, y1], [x2 - 1, y2], seriesInk(index))];
  });
}
