import { readFile, writeFile } from "node:fs/promises";
import { init, use } from "echarts/core";
import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { SVGRenderer } from "echarts/renderers";

/**
 * Draws what `pnpm bench crm --cost` printed: milliseconds of a step over each size, one line a model, both axes
 * logarithmic.
 *
 *     node --conditions=source --import tsx tooling/bench/src/experiments/cost-picture.ts costs.jsonl docs/images/crm-cost.svg
 */
interface Measure {
  readonly name: string;
  readonly ours: number;
  readonly peer: number;
  readonly note: string;
}

const sizes = {
  fields: "fields",
  dim: "embedding size",
  batch: "batch",
  rows: "rows of a table",
} as const;
type Size = keyof typeof sizes;

const [from = "", to = ""] = process.argv.slice(2);
const lines = (await readFile(from, "utf8")).split("\n").filter((line) => line !== "");
const measures = lines.map((line) => JSON.parse(line) as Measure);

/** Milliseconds by size, for each model of a panel. */
function curvesOf(size: Size): Map<string, [number, number][]> {
  const curves = new Map<string, [number, number][]>();
  for (const { name, ours, peer, note } of measures) {
    const [, model, value] = new RegExp(`^(\\w+)-cost-${size}/${size}-(\\d+)$`).exec(name) ?? [];
    if (model === undefined) continue;
    const base = Number(/ours: (\d+)$/.exec(note)![1]);
    const curve = curves.get(model) ?? [[base, ours]];
    curves.set(
      model,
      [...curve, [Number(value), peer] as [number, number]].sort(([a], [b]) => a - b),
    );
  }
  return curves;
}

use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);
const panel = 300;
const chart = init(null, null, { renderer: "svg", ssr: true, width: panel * 4, height: 380 });
const panels = Object.keys(sizes) as Size[];
chart.setOption({
  animation: false,
  backgroundColor: "#fff",
  legend: { bottom: 8 },
  title: panels.map((size, i) => ({
    text: `ms a step by ${sizes[size]}`,
    left: i * panel + 60,
    top: 8,
    textStyle: { fontSize: 13 },
  })),
  grid: panels.map((_, i) => ({ left: i * panel + 60, top: 40, width: panel - 80, height: 260 })),
  xAxis: panels.map((size, gridIndex) => ({
    type: "log",
    logBase: size === "rows" ? 10 : 2,
    gridIndex,
    min: "dataMin",
    max: "dataMax",
  })),
  yAxis: panels.map((_, gridIndex) => ({ type: "log", gridIndex, min: 10, max: 1000 })),
  series: panels.flatMap((size, i) =>
    Array.from(curvesOf(size), ([name, data]) => ({
      type: "line",
      name,
      data,
      xAxisIndex: i,
      yAxisIndex: i,
      symbolSize: 5,
    })),
  ),
});
await writeFile(to, `${chart.renderToSVGString()}\n`);
chart.dispose();
