import { formatMetric } from "../../numbers.ts";
import type { Evaluation } from "../../evaluate.ts";
import { plainText, shortened } from "../../text.ts";
import { draw, ink, measureAxis, seriesInk } from "./draw.ts";
import { niceScale } from "./scale.ts";
import { circle, label, line, shapesSeries, shift } from "./shapes.ts";

const width = 1080;
const rowHeight = 40;
/** Two lines at most; the table has the whole name. */
const longestName = 64;

/** Each model's AUC as a dot, its interval as a whisker, and the baseline's AUC as a dashed line through all. */
export function drawAucIntervals({ rows, baseline }: Evaluation, id: string): string {
  const x = niceScale(
    rows.flatMap(({ auc }) => [auc.low, auc.estimate, auc.high]),
    8,
  );
  const names = rows.map(({ title }) => shortened(plainText(title), longestName));
  // Some 7.5 pixels a character in the widest of the page's fonts; ECharts breaks long names at its own, smaller estimate.
  const longest = Math.max(...names.map(({ length }) => length));
  const nameWidth = Math.min(300, 24 + 7.5 * longest);
  const baselineAuc = rows.find(({ name }) => name === baseline)?.auc.estimate;
  return draw(
    {
      grid: { left: nameWidth, right: 64, top: 8, bottom: 48 },
      xAxis: measureAxis(x, "AUC"),
      yAxis: {
        type: "category",
        inverse: true,
        data: names,
        axisLabel: {
          color: ink.text,
          fontSize: 12,
          interval: 0,
          width: 220,
          overflow: "break",
          lineHeight: 14,
        },
        axisTick: { show: false },
        axisLine: { lineStyle: { color: ink.muted } },
      },
      series: [
        shapesSeries((at) => [
          ...(baselineAuc === undefined || !Number.isFinite(baselineAuc)
            ? []
            : [
                line(
                  shift(at([baselineAuc, 0]), -rowHeight / 2),
                  shift(at([baselineAuc, rows.length - 1]), rowHeight / 2),
                  ink.muted,
                  1,
                  [4, 4],
                ),
              ]),
          ...rows.flatMap(({ auc }, row) => {
            if (!Number.isFinite(auc.estimate)) return [];
            const color = seriesInk(row);
            const low = at([auc.low, row]);
            const high = at([auc.high, row]);
            const dot = at([auc.estimate, row]);
            return [
              line(low, high, color, 2),
              line(shift(low, -6), shift(low, 6), color, 2),
              line(shift(high, -6), shift(high, 6), color, 2),
              circle(dot, 5, color),
              label([high[0] + 10, high[1]], formatMetric(auc.estimate), { fill: ink.text, align: "left" }),
            ];
          }),
        ]),
      ],
    },
    {
      width,
      height: rows.length * rowHeight + 56,
      id,
      label: `Dot and whisker plot: AUC with its interval. ${rows.map(({ title, auc }) => `${title}: ${formatMetric(auc.estimate)}`).join("; ")}`,
    },
  );
}
