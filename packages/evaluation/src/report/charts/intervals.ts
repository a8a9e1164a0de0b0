import type { Interval } from "@corella/metrics";
import { formatMetric } from "../../numbers.ts";
import type { Evaluation } from "../../evaluate.ts";
import { plainText, shortened } from "../../text.ts";
import { modelColours } from "../colours.ts";
import type { PictureWidth } from "../widths.ts";
import { draw, ink, measureAxis, seriesInk } from "./draw.ts";
import { niceScale } from "./scale.ts";
import { circle, label, line, shapesSeries, shift, whiskerEnd } from "./shapes.ts";

const rowHeight = 40;
/** Two lines at most; the table has the whole name. */
const longestName = 64;

/** Each model's AUC as a dot, its interval as a whisker, and the baseline's AUC as a dashed line through all. */
export function drawAucIntervals(evaluation: Evaluation, picture: PictureWidth): string {
  const rows = evaluation.rows.filter(({ isSimple }) => isSimple !== true);
  const colourOf = modelColours(evaluation);
  return drawIntervals(
    rows.map(({ title, auc }) => ({ title, interval: auc })),
    {
      ...picture,
      xLabel: "AUC",
      reference: rows.find(({ name }) => name === evaluation.baseline)?.auc.estimate,
      colour: (row) => colourOf(rows[row]!.name),
      format: formatMetric,
    },
  );
}

/** How `drawIntervals` draws. */
export interface IntervalsPicture extends PictureWidth {
  readonly xLabel: string;
  /** A dashed line through all rows. */
  readonly reference: number | undefined;
  /** Number of a row's colour among those of series. */
  readonly colour: (row: number) => number;
  /** The numbers beside the dots. */
  readonly format: (value: number) => string;
}

/** Estimates as dots and intervals as whiskers, a row each, the first at the top. */
export function drawIntervals(
  rows: readonly { readonly title: string; readonly interval: Interval }[],
  { id, width, isNarrow, xLabel, reference, colour, format }: IntervalsPicture,
): string {
  const x = niceScale(
    [
      ...rows.flatMap(({ interval }) => [interval.low, interval.estimate, interval.high]),
      ...(reference === undefined ? [] : [reference]),
    ],
    isNarrow ? 3 : 8,
  );
  const names = rows.map(({ title }) => shortened(plainText(title), longestName));
  // Some 7.5 pixels a character in the widest of the page's fonts; ECharts breaks long names at its own, smaller estimate.
  const longest = Math.max(...names.map(({ length }) => length));
  const nameWidth = Math.min(isNarrow ? 140 : 300, 24 + 7.5 * longest);
  return draw(
    {
      grid: { left: nameWidth, right: isNarrow ? 58 : 64, top: 8, bottom: 48 },
      xAxis: measureAxis(x, xLabel),
      yAxis: {
        type: "category",
        inverse: true,
        data: names,
        axisLabel: {
          color: ink.text,
          fontSize: 12,
          interval: 0,
          width: isNarrow ? 116 : 220,
          overflow: "break",
          lineHeight: 14,
        },
        axisTick: { show: false },
        axisLine: { lineStyle: { color: ink.muted } },
      },
      series: [
        shapesSeries((at) => [
          ...(reference === undefined || !Number.isFinite(reference)
            ? []
            : [
                line(
                  shift(at([reference, 0]), -rowHeight / 2),
                  shift(at([reference, rows.length - 1]), rowHeight / 2),
                  ink.muted,
                  1,
                  [4, 4],
                ),
              ]),
          ...rows.flatMap(({ interval }, row) => {
            if (!Number.isFinite(interval.estimate)) return [];
            const color = seriesInk(colour(row));
            const low = at([whiskerEnd(interval.low, interval), row]);
            const high = at([whiskerEnd(interval.high, interval), row]);
            const dot = at([interval.estimate, row]);
            return [
              line(low, high, color, 2),
              line(shift(low, -6), shift(low, 6), color, 2),
              line(shift(high, -6), shift(high, 6), color, 2),
              circle(dot, 5, color),
              label([high[0] + 10, high[1]], format(interval.estimate), { fill: ink.text, align: "left" }),
            ];
          }),
        ]),
      ],
    },
    {
      width,
      height: rows.length * rowHeight + 56,
      id,
      label: `Dot and whisker plot: ${xLabel} with its interval. ${rows.map(({ title, interval }) => `${title}: ${format(interval.estimate)}`).join("; ")}`,
    },
  );
}
