import type { JSX } from "preact";

interface SparklineProps {
  /** What the line says, for whoever does not see it. */
  readonly label: string;
  /** Oldest first; undefined where it was not known. */
  readonly values: readonly (number | undefined)[];
}

const [width, height] = [200, 40];

/** A small line of the last values, from zero. */
export function Sparkline({ label, values }: SparklineProps): JSX.Element {
  const known = values.filter((value) => value !== undefined);
  const most = Math.max(...known, Number.MIN_VALUE);
  const points = values.flatMap((value, i) =>
    value === undefined
      ? []
      : [
          `${((i / Math.max(1, values.length - 1)) * width).toFixed(1)},${(height - 2 - (value / most) * (height - 6)).toFixed(1)}`,
        ],
  );
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <line class="axis" x1="0" x2={width} y1={height - 1} y2={height - 1} />
      {points.length > 1 && <polyline class="line" points={points.join(" ")} />}
    </svg>
  );
}
