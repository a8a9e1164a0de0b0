import type { Curve, CurveSeries } from "../report.ts";
import { downsample, runningMean, type Point } from "./downsample.ts";
import { axisName, axisText, draw, ink, noAxisLine, seriesInk } from "./draw.ts";
import { niceScale } from "./scale.ts";

// Narrow, so that on a telephone its letters are still read.
const width = 460;
const height = 290;
/** Longer series are noise (a loss each step): they are drawn pale, with their running mean over them. */
const smoothedFrom = 120;

/** A series as it is drawn, thinned out. */
export interface CurveLine {
  readonly points: readonly Point[];
  /** Running mean, of a series that is long enough to be noise. */
  readonly mean?: readonly Point[] | undefined;
  /** Number of points that are not finite. */
  readonly leftOut: number;
}

/** What is drawn of a series: at most `limit` points a line. */
export function curveLine({ points }: CurveSeries, limit: number): CurveLine {
  const finite = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  const line = { points: downsample(finite, limit), leftOut: points.length - finite.length };
  if (finite.length < smoothedFrom) return line;
  const mean = runningMean(finite, Math.round(finite.length / 60));
  return { ...line, mean: downsample(mean, Math.min(limit, 150)) };
}

/**
 * A line chart as an SVG element.
 * @param limit most points of a line
 * @param id unlike that of every other picture of the page
 * @param colours of the series, by their numbers
 */
export function drawCurve(curve: Curve, limit: number, id: string, colours: readonly number[]): string {
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
  const end = lastX(all) ?? x.max;
  const pale = lines.map(({ points, mean }, index) =>
    lineSeries(points, {
      color: seriesInk(colours[index]!),
      ...(mean === undefined ? { width: 2, opacity: 1 } : { width: 1, opacity: 0.28 }),
    }),
  );
  const means = lines.flatMap(({ mean }, index) =>
    mean === undefined ? [] : [lineSeries(mean, { color: seriesInk(colours[index]!), width: 2, opacity: 1 })],
  );
  const names = curve.series.map(({ name }) => name).join(", ");
  return draw(
    {
      grid: { left: 64, right: 16, top: 12, bottom: 48 },
      xAxis: {
        type: "value",
        min: x.min,
        // The data ends before the next tick mostly; half the picture would be empty for 1,050 steps.
        max: end,
        interval: x.interval,
        axisLabel: { ...axisText, formatter: x.format, showMaxLabel: isTick(end, x.interval) },
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
        ...noAxisLine,
        splitLine: { lineStyle: { color: ink.line } },
        ...axisName(curve.yLabel, 48),
      },
      series: [...pale, ...means],
    },
    { width, height, id, label: `Line chart: ${curve.title}. ${curve.yLabel} by ${curve.xLabel}: ${names}` },
  );
}

/** The largest x; undefined where all are the same or there are none. */
function lastX(points: readonly Point[]): number | undefined {
  const [first] = points[0] ?? [0];
  let last = first;
  for (const [x] of points) last = Math.max(last, x);
  return points.every(([x]) => x === first) ? undefined : last;
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
