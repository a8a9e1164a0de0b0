import type { JSX } from "preact";
import { interpolate, ticks } from "./scales.ts";

interface LineChartProps {
  /** What the picture says, for whoever does not see it. */
  readonly label: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** By ascending x. */
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly formatX: (x: number) => string;
  readonly formatY: (y: number) => string;
  /** Where the slider stands. */
  readonly at: number;
  /** The value there. */
  readonly value: number | undefined;
  /** The x of dots that are told in the legend. */
  readonly marked: readonly { readonly x: number; readonly class: string }[];
}

const [width, height] = [420, 230];
const [left, right, top, bottom] = [58, 24, 14, 40];

/** A line with its axes, a place on it, and dots. */
export function LineChart(props: LineChartProps): JSX.Element {
  const { label, xLabel, yLabel, points, formatX, formatY, at, value, marked } = props;
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [lowX, highX] = [Math.min(...xs), Math.max(...xs)];
  const [lowY, highY] = widened(Math.min(...ys), Math.max(...ys));
  const px = (x: number): number => left + ((x - lowX) / (highX - lowX || 1)) * (width - left - right);
  const py = (y: number): number => top + ((highY - y) / (highY - lowY)) * (height - top - bottom);
  return (
    <svg class="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      {ticks(lowY, highY, 5).map((y) => (
        <g key={`y${y}`}>
          <line class="grid" x1={left} x2={width - right} y1={py(y)} y2={py(y)} />
          <text x={left - 6} y={py(y) + 4} text-anchor="end">
            {formatY(y)}
          </text>
        </g>
      ))}
      {ticks(lowX, highX, 5).map((x) => (
        <text key={`x${x}`} x={px(x)} y={height - bottom + 16} text-anchor="middle">
          {formatX(x)}
        </text>
      ))}
      <text x={(left + width - right) / 2} y={height - 6} text-anchor="middle">
        {xLabel}
      </text>
      <text x={left} y={top - 3}>
        {yLabel}
      </text>
      <line class="axis" x1={left} x2={width - right} y1={height - bottom} y2={height - bottom} />
      <polyline class="line" points={points.map(([x, y]) => `${px(x)},${py(y)}`).join(" ")} />
      {marked.map(({ x, class: name }) => {
        const y = interpolate(points, x);
        return y === undefined ? null : <circle key={name} class={name} cx={px(x)} cy={py(y)} r="5" />;
      })}
      <line class="cursor" x1={px(at)} x2={px(at)} y1={top} y2={height - bottom} />
      {value !== undefined && <circle class="cursor-dot" cx={px(at)} cy={py(value)} r="6" />}
    </svg>
  );
}

function widened(low: number, high: number): [number, number] {
  const margin = (high - low || Math.abs(high) || 1) * 0.08;
  return [low - margin, high + margin];
}
