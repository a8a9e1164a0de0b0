import { groupTitle, type ConfidenceGroup } from "../../entropy.ts";
import { formatCount, formatMetric } from "../../numbers.ts";
import type { PictureWidth } from "../widths.ts";
import { axisName, axisText, draw, ink, noAxisLine, seriesInk } from "./draw.ts";
import { niceScale } from "./scale.ts";
import { label, line, rect, shapesSeries, whiskerEnd, type Shape, type ToPixels } from "./shapes.ts";

const height = 340;
const chance = 0.5;
/** Around the plot, in pixels. */
const [leftOf, rightOf] = [64, 16];

/**
 * The paper's figure 1. Bars stand on 0.5, the AUC of guessing; a model that is worse than that hangs below.
 * @param colours of the models, among those of series
 */
export function drawConfidenceGroups(
  groups: readonly ConfidenceGroup[],
  colours: readonly number[],
  { width, isNarrow, id }: PictureWidth,
): string {
  const plotWidth = width - leftOf - rightOf;
  const values = groups.flatMap(({ models }) =>
    models.flatMap(({ auc }) => [auc.estimate, auc.low, auc.high]),
  );
  const y = niceScale([chance, ...values], 5);
  const text = groups.map(
    ({ name, models }) =>
      `${name}: ${models.map((model) => `${model.title} ${formatMetric(model.auc.estimate, 3)}`).join(", ")}`,
  );
  return draw(
    {
      grid: { left: leftOf, right: rightOf, top: 20, bottom: 72 },
      xAxis: {
        type: "category",
        data: groups.map(groupLabel),
        axisLabel: { color: ink.text, fontSize: isNarrow ? 10 : 12, interval: 0, lineHeight: 17 },
        ...noAxisLine,
      },
      yAxis: {
        type: "value",
        min: y.min,
        max: y.max,
        interval: y.interval,
        axisLabel: { ...axisText, formatter: y.format },
        ...noAxisLine,
        splitLine: { lineStyle: { color: ink.line } },
        ...axisName("AUC", 48),
      },
      series: [
        shapesSeries((at) => [
          ...groups.flatMap((group, index) =>
            groupBars(group, index, { slots: plotWidth / groups.length, colours }, at),
          ),
          line(
            toTheRight(at([0, chance]), -plotWidth / groups.length / 2),
            toTheRight(at([groups.length - 1, chance]), plotWidth / groups.length / 2),
            ink.muted,
          ),
        ]),
      ],
    },
    { width, height, id, label: `Bar chart: AUC by the CRM's confidence. ${text.join("; ")}` },
  );
}

function toTheRight([x, y]: readonly [number, number], by: number): readonly [number, number] {
  return [x + by, y];
}

function groupLabel({ name, count, entropyRange: [low, high] }: ConfidenceGroup): string {
  const range = `${formatMetric(low, 3)} to ${formatMetric(high, 3)}`;
  return `${groupTitle(name)}\n${formatCount(count)} samples\n${range}`;
}

function groupBars(
  { models }: ConfidenceGroup,
  index: number,
  { slots, colours }: { readonly slots: number; readonly colours: readonly number[] },
  at: ToPixels,
): Shape[] {
  const slot = Math.min(slots * (0.84 / models.length), 64);
  const barWidth = slot * 0.8;
  const [center] = at([index, chance]);
  return models.flatMap(({ auc }, model) => {
    if (!Number.isFinite(auc.estimate)) return [];
    const x = center + (model - (models.length - 1) / 2) * slot;
    const top = at([index, auc.estimate])[1];
    const low = at([index, whiskerEnd(auc.low, auc)])[1];
    const high = at([index, whiskerEnd(auc.high, auc)])[1];
    const shapes = [
      rect([x - barWidth / 2, at([index, chance])[1]], [x + barWidth / 2, top], seriesInk(colours[model]!)),
      line([x, low], [x, high], ink.text, 1.5),
    ];
    if (slot < 34) return shapes;
    const above = Math.min(top, high, at([index, chance])[1]);
    return [...shapes, label([x, above - 9], formatMetric(auc.estimate, 3), { fill: ink.text, size: 11 })];
  });
}
