/** The value of a line of points between two of them; undefined beyond its ends. */
export function interpolate(
  points: readonly (readonly [x: number, y: number])[],
  x: number,
): number | undefined {
  const after = points.findIndex(([at]) => at >= x);
  if (after < 0) return undefined;
  const [x1, y1] = points[after]!;
  if (x1 === x || after === 0) return x1 === x ? y1 : undefined;
  const [x0, y0] = points[after - 1]!;
  return y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
}

/** Round numbers in a range, about so many. */
export function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough)! * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
