import type { EntropyHistogram } from "../../entropy.ts";
import { formatMetric, formatShare } from "../../numbers.ts";
import type { PictureWidth } from "../widths.ts";
import { axisName, axisText, draw, ink, noAxisLine, seriesInk } from "./draw.ts";
import { niceScale } from "./scale.ts";
import { label, line, rect, shapesSeries, type Shape, type ToPixels } from "./shapes.ts";

const height = 300;

/**
 * The share of the samples by entropy; what lies above the routing threshold, and so goes to the LLM, is shaded.
 * @param colours of the two models, among those of series
 */
export function drawEntropyHistogram(
  histogram: EntropyHistogram,
  colours: { readonly crm: number; readonly llm: number },
  { width, isNarrow, id }: PictureWidth,
): string {
  const { bins, count, threshold, shareAboveThreshold } = histogram;
  const y = niceScale([0, ...bins.map((bin) => bin.count / Math.max(count, 1))], 4);
  const routed =
    threshold === undefined
      ? ""
      : ` ${formatShare(shareAboveThreshold ?? 0)} lie above the threshold ${formatMetric(threshold)}.`;
  return draw(
    {
      grid: { left: 64, right: 16, top: 30, bottom: 48 },
      xAxis: {
        type: "value",
        min: 0,
        max: 0.7,
        interval: 0.1,
        axisLabel: { ...axisText, formatter: (value: number) => value.toFixed(1) },
        axisLine: { lineStyle: { color: ink.muted } },
        axisTick: { lineStyle: { color: ink.muted } },
        splitLine: { show: false },
        ...axisName(`prediction entropy of the CRM (nats${isNarrow ? "" : "; at most log 2 = 0.693"})`, 30),
      },
      yAxis: {
        type: "value",
        min: 0,
        max: y.max,
        interval: y.interval,
        axisLabel: { ...axisText, formatter: (value: number) => `${Number((value * 100).toFixed(6))} %` },
        ...noAxisLine,
        splitLine: { lineStyle: { color: ink.line } },
        ...axisName("share of the samples", 48),
      },
      series: [
        shapesSeries((at) => [
          ...thresholdShapes(histogram, y.max, isNarrow, at),
          ...binShapes(histogram, colours, at),
        ]),
      ],
    },
    { width, height, id, label: `Histogram: prediction entropy of ${count} samples.${routed}` },
  );
}

function binShapes(
  { bins, count }: EntropyHistogram,
  { crm, llm }: { readonly crm: number; readonly llm: number },
  at: ToPixels,
): Shape[] {
  return bins.flatMap(({ from, to, count: all, countAboveThreshold }) => {
    const easy = all - countAboveThreshold;
    const [x1, zero] = at([from, 0]);
    const [x2, top] = at([to, all / count]);
    const [, middle] = at([to, easy / count]);
    const shapes: Shape[] = [];
    if (easy > 0) shapes.push(rect([x1 + 0.75, zero], [x2 - 0.75, middle], seriesInk(crm)));
    if (countAboveThreshold > 0) shapes.push(rect([x1 + 0.75, middle], [x2 - 0.75, top], seriesInk(llm)));
    return shapes;
  });
}

function thresholdShapes(
  { threshold, shareAboveThreshold = 0 }: EntropyHistogram,
  top: number,
  isNarrow: boolean,
  at: ToPixels,
): Shape[] {
  if (threshold === undefined) return [];
  const place = Math.min(Math.max(threshold, 0), Math.LN2);
  const high = at([place, top]);
  const low = at([place, 0]);
  const end = at([Math.LN2, 0]);
  const left = place > 0.4;
  return [
    rect(high, end, ink.tint),
    line([high[0], high[1] - 6], low, ink.text, 1.5, [5, 4]),
    label(
      [high[0] + (left ? -8 : 8), high[1] - 14],
      `threshold ${formatMetric(threshold)}: ${formatShare(shareAboveThreshold)}${isNarrow ? "" : " of the samples go to the LLM"}`,
      { fill: ink.text, align: left ? "right" : "left" },
    ),
  ];
}
