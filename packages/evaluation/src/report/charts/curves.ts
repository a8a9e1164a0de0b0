import type { Curve, CurveSeries } from "../report.ts";
import { downsample, runningMean, type Point } from "./downsample.ts";
import { axisName, axisText, draw, ink, seriesInk } from "./draw.ts";
import { niceScale } from "./scale.ts";

const width = 540;
const height = 320;
/** Longer series are noise (a loss each step): they are drawn pale, with their running mean over them. */
const smoothedFrom = 120;

export interface CurveLine {
  readonly points: readonly Point[];
  readonly mean?: readonly Point[] | undefined;
  /** Number of points that a value of `mean` is of. */
  readonly meanWidth?: number | undefined;
  readonly leftOut: number;
}

/** What is drawn of a series: at most `limit` points a line. */
export function curveLine({ points }: CurveSeries, limit: number): CurveLine {
  const finite = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  const line = { points: downsample(finite, limit), leftOut: points.length - finite.length };
  if (finite.length < smoothedFrom) return line;
  const meanWidth = 2 * Math.round(finite.length / 60) + 1;
  return { ...line, mean: downsample(runningMean(finite, meanWidth), Math.min(limit, 150)), meanWidth };
}

export function drawCurve(curve: Curve, limit: number, id: string): string {
  const lines = curve.series.map((series) => curveLine(series, limit));
  const all = lines.flatMap(({ points }) => points);
  const x = niceScale(
    all.map((point) => point[0]),
    6,
  );
  const y = niceScale(
    all.map((point) => point[1]),
    5,
  );
  const last = all.reduce((largest, point) => Math.max(largest, point[0]), x.min);
  const series = lines.flatMap(({ points, mean }, index) => {
    const color = seriesInk(index);
    const drawn = [
      lineSeries(points, { color, width: mean === undefined ? 2 : 1, opacity: mean === undefined ? 1 : 0.3 }),
    ];
    if (mean !== undefined) drawn.push(lineSeries(mean, { color, width: 2, opacity: 1 }));
    return drawn;
  });
  const names = curve.series.map(({ name }) => name).join(", ");
  return draw(
    {
      grid: { left: 64, right: 16, top: 12, bottom: 48 },
      xAxis: {
        type: "value",
        min: x.min,
        // The data ends before the next tick mostly; half the picture would be empty for 1,050 steps.
        max: Math.max(last, x.min + x.interval),
        interval: x.interval,
        axisLabel: { ...axisText, formatter: x.format, showMaxLabel: isTick(last, x.interval) },
        axisLine: { lineStyle: { color: ink.muted } },
        axisTick: { lineStyle: { color: ink.muted } },
        splitLine: { show: false },
        ...axisName(curve.xLabel, 30),
      },
      yAxis: {
        type: "value",
        min: y.min,
        max: y.max,
        interval: y.interval,
        axisLabel: { ...axisText, formatter: y.format },
        splitLine: { lineStyle: { color: ink.line } },
        ...axisName(curve.yLabel, 48),
      },
      series,
    },
    { width, height, id, label: `Line chart: ${curve.title}. ${curve.yLabel} by ${curve.xLabel}: ${names}` },
  );
}

function isTick(value: number, interval: number): boolean {
  const multiple = value / interval;
  return Math.abs(multiple - Math.round(multiple)) < 1e-9;
}

function lineSeries(
  points: readonly Point[],
  lineStyle: { readonly color: string; readonly width: number; readonly opacity: number },
): Record<string, unknown> {
  return {
    type: "line",
    data: points,
    silent: true,
    emphasis: { disabled: true },
    // A validation result an epoch is a handful of points that were measured; a line would hide which.
    showSymbol: points.length <= 30 && lineStyle.opacity === 1,
    symbol: "circle",
    symbolSize: points.length === 1 ? 8 : 5,
    itemStyle: { color: lineStyle.color },
    lineStyle,
  };
}
