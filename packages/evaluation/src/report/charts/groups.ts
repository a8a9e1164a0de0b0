import { groupTitle, type ConfidenceGroup } from "../../entropy.ts";
import { formatCount, formatMetric } from "../../numbers.ts";
import { axisName, axisText, draw, ink, noAxisLine, seriesInk } from "./draw.ts";
import { niceScale } from "./scale.ts";
import { label, line, rect, shapesSeries, whiskerEnd, type Shape, type ToPixels } from "./shapes.ts";

const width = 1080;
const height = 340;
const chance = 0.5;

/** The paper's figure 1. Bars stand on 0.5, the AUC of guessing; a model that is worse than that hangs below. */
export function drawConfidenceGroups(groups: readonly ConfidenceGroup[], id: string): string {
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
      grid: { left: 64, right: 16, top: 20, bottom: 72 },
      xAxis: {
        type: "category",
        data: groups.map(groupLabel),
        axisLabel: { color: ink.text, fontSize: 12, interval: 0, lineHeight: 17 },
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
          ...groups.flatMap((group, index) => groupBars(group, index, groups.length, at)),
          line(
            left(at([0, chance]), groups.length),
            right(at([groups.length - 1, chance]), groups.length),
            ink.muted,
          ),
        ]),
      ],
    },
    { width, height, id, label: `Bar chart: AUC by the CRM's confidence. ${text.join("; ")}` },
  );
}

const plotWidth = width - 64 - 16;

function left([x, y]: readonly [number, number], groups: number): readonly [number, number] {
  return [x - plotWidth / groups / 2, y];
}

function right([x, y]: readonly [number, number], groups: number): readonly [number, number] {
  return [x + plotWidth / groups / 2, y];
}

function groupLabel({ name, count, entropyRange: [low, high] }: ConfidenceGroup): string {
  const range = `${formatMetric(low, 3)} to ${formatMetric(high, 3)}`;
  return `${groupTitle(name)}\n${formatCount(count)} samples\n${range}`;
}

function groupBars({ models }: ConfidenceGroup, index: number, groups: number, at: ToPixels): Shape[] {
  const slot = Math.min((plotWidth / groups) * (0.84 / models.length), 64);
  const barWidth = slot * 0.8;
  const [center] = at([index, chance]);
  return models.flatMap(({ auc }, model) => {
    if (!Number.isFinite(auc.estimate)) return [];
    const x = center + (model - (models.length - 1) / 2) * slot;
    const top = at([index, auc.estimate])[1];
    const low = at([index, whiskerEnd(auc.low, auc)])[1];
    const high = at([index, whiskerEnd(auc.high, auc)])[1];
    const shapes = [
      rect([x - barWidth / 2, at([index, chance])[1]], [x + barWidth / 2, top], seriesInk(model)),
      line([x, low], [x, high], ink.text, 1.5),
    ];
    if (slot < 34) return shapes;
    const above = Math.min(top, high, at([index, chance])[1]);
    return [...shapes, label([x, above - 9], formatMetric(auc.estimate, 3), { fill: ink.text, size: 11 })];
  });
}
