import { init, use, type EChartsCoreOption } from "echarts/core";
// The barrels `echarts/charts` and `echarts/components` take half a second longer to load.
import "echarts/lib/chart/custom";
import "echarts/lib/chart/line";
import "echarts/lib/component/gridSimple";
import { SVGRenderer } from "echarts/renderers";
import { escapeHtml, plainText } from "../../text.ts";
import type { Scale } from "./scale.ts";

use([SVGRenderer]);

/**
 * Colours stand in the SVG as variables of the page's style sheet, so that one picture serves light, dark and print.
 * While ECharts draws they are these colours, which nothing else has.
 */
export const ink = {
  text: "#0100a0",
  muted: "#0100a1",
  line: "#0100a2",
  surface: "#0100a3",
  tint: "#0100a4",
} as const;

const inkNames = new Map<string, string>(Object.entries(ink).map(([name, colour]) => [colour, name]));

/** Colours that the style sheet has for series. */
export const seriesColourCount = 8;

/** The stand-in for the n-th series' colour; colours come again after `seriesColourCount`. */
export function seriesInk(series: number): string {
  return `#0100${(series % seriesColourCount).toString(16).padStart(2, "0")}`;
}

/** Size, name and description of a picture. */
export interface Picture {
  /** In pixels, before the page scales it; as is `height`. */
  readonly width: number;
  readonly height: number;
  /** Says in words what the picture shows. */
  readonly label: string;
  /** Unlike every other picture's on the page. */
  readonly id: string;
}

/** The option as an SVG element. */
export function draw(option: EChartsCoreOption, { width, height, label, id }: Picture): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    chart.setOption({ animation: false, textStyle: { fontFamily: "inherit" }, ...option });
    return tidy(chart.renderToSVGString(), { width, height, label, id });
  } finally {
    chart.dispose();
  }
}

/**
 * ECharts' SVG without what only its own script needs, with names that do not depend on what was drawn before, and with
 * coordinates of a tenth of a pixel. Texts are escaped, quotes too, so that a pattern with a quote meets only markup.
 */
function tidy(svg: string, { width, height, label, id }: Picture): string {
  const body = svg
    .replace(/^<svg[^>]*>\s*<rect[^>]*><\/rect>/, "")
    .replace(/<style\s*>[\s\S]*?<\/style>/g, "")
    .replace(/ (?:class|pointer-events|ecmeta_\w+)="[^"]*"/g, "")
    .replace(/ style="font-size:12px;font-family:inherit;"/g, "")
    .replaceAll("font-family:inherit;", "")
    .replace(/(<clipPath[^>]*>\s*<path[^>]*) fill="#000"/g, "$1")
    .replace(/(id="|="url\(#)zr\d+-/g, `$1${id}-`)
    .replace(/="(#0100[0-9a-f]{2})"/g, (_, colour: string) => `="var(--${inkName(colour)})"`)
    .replace(
      / (d|transform|points|x|y|width|height|stroke-width)="([^"]*)"/g,
      (_, name: string, value: string) => {
        const short = value.replace(/\d+\.\d+/g, (number) => String(Number(Number(number).toFixed(1))));
        return ` ${name}="${short}"`;
      },
    )
    .replace(/><\/(path|rect|line|circle|polyline|polygon)>/g, "/>");
  const text = escapeHtml(plainText(label));
  return `<svg class="chart" role="img" aria-label="${text}" viewBox="0 0 ${width} ${height}" xmlns="http://www.w3.org/2000/svg">${body}`;
}

function inkName(colour: string): string {
  return inkNames.get(colour) ?? `series-${Number.parseInt(colour.slice(5), 16)}`;
}

/** Axis settings that all charts share. */
export const axisText: { color: string; fontSize: number } = { color: ink.muted, fontSize: 12 };

/** Axis settings that leave out line and ticks, where grid lines say enough. */
export const noAxisLine: { axisLine: { show: false }; axisTick: { show: false } } = {
  axisLine: { show: false },
  axisTick: { show: false },
};

/**
 * The settings of an axis that show its name in the middle.
 * @param gap between the axis and its name, in pixels
 */
export function axisName(name: string, gap: number): Record<string, unknown> {
  return { name: plainText(name), nameLocation: "middle", nameGap: gap, nameTextStyle: axisText };
}

/** The horizontal axis of a chart of rows, along which something is measured. @param scale its ends and steps */
export function measureAxis(scale: Scale, name: string): Record<string, unknown> {
  const { min, max, interval, format } = scale;
  return {
    type: "value",
    min,
    max,
    interval,
    axisLabel: { ...axisText, formatter: format },
    splitLine: { lineStyle: { color: ink.line } },
    ...axisName(name, 30),
  };
}
