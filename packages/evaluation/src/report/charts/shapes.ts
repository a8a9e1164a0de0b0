import type { Interval } from "@corella/metrics";

/** Turns a point in the units of the axes into one in pixels. */
export type ToPixels = (point: readonly [x: number, y: number]) => readonly [x: number, y: number];

/** A shape in pixels, as ECharts draws it. */
export interface Shape {
  readonly type: "rect" | "line" | "circle" | "text";
  readonly shape?: Record<string, number>;
  readonly style: Record<string, string | number | readonly number[]>;
}

/** A series that draws shapes freely in the grid's coordinates, in order. */
export function shapesSeries(shapes: (at: ToPixels) => readonly Shape[]): Record<string, unknown> {
  return {
    type: "custom",
    silent: true,
    // One data item, for ECharts asks for the shapes of each.
    data: [[0, 0]],
    renderItem: (_: unknown, api: { coord(point: readonly number[]): number[] }) => ({
      type: "group",
      children: shapes((point) => {
        const [x = 0, y = 0] = api.coord(point);
        return [x, y];
      }).map((shape) => ({ ...shape, silent: true })),
    }),
  };
}

/** A point so many pixels further down. */
export function shift([x, y]: readonly [number, number], down: number): readonly [number, number] {
  return [x, y + down];
}

/** A line between two points, solid unless `lineDash` gives lengths of dashes and gaps, all in pixels. */
export function line(
  [x1, y1]: readonly [number, number],
  [x2, y2]: readonly [number, number],
  stroke: string,
  lineWidth = 1,
  lineDash: readonly number[] = [],
): Shape {
  return { type: "line", shape: { x1, y1, x2, y2 }, style: { stroke, fill: "none", lineWidth, lineDash } };
}

/** A filled rectangle between two opposite corners. */
export function rect(
  [x1, y1]: readonly [number, number],
  [x2, y2]: readonly [number, number],
  fill: string,
  opacity = 1,
): Shape {
  const shape = {
    x: Math.min(x1, x2),
    y: Math.min(y1, y2),
    width: Math.abs(x2 - x1),
    height: Math.abs(y2 - y1),
  };
  return { type: "rect", shape, style: { fill, opacity } };
}

/** A filled circle around a point, with radius `r` in pixels. */
export function circle([cx, cy]: readonly [number, number], r: number, fill: string): Shape {
  return { type: "circle", shape: { cx, cy, r }, style: { fill } };
}

/** A text beside or around a point, centred vertically; `size` in pixels. */
export function label(
  [x, y]: readonly [number, number],
  text: string,
  { fill, align = "center", size = 12 }: { fill: string; align?: "left" | "center" | "right"; size?: number },
): Shape {
  return {
    type: "text",
    style: { x, y, text, fill, align, verticalAlign: "middle", fontSize: size, fontFamily: "inherit" },
  };
}

/** Where a whisker ends: at the estimate itself where there is no interval, as of a single user. */
export function whiskerEnd(end: number, { estimate }: Interval): number {
  return Number.isFinite(end) ? end : estimate;
}
