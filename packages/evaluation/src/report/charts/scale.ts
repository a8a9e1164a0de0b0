/** An axis: its ends are ticks, `interval` apart. */
export interface Scale {
  readonly min: number;
  readonly max: number;
  readonly interval: number;
  format(value: number): string;
}

/**
 * Ends and ticks at 1, 2 or 5 times a power of ten, about `ticks` of them, that hold all values. Values that are not
 * finite do not count. Source of the steps: Heckbert, Nice Numbers for Graph Labels, Graphics Gems, 1990.
 */
export function niceScale(values: Iterable<number>, ticks: number): Scale {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) [low, high] = [0, 1];
  // Nearer to each other than ticks can be told apart
  if (high - low <= 1e-9 * Math.max(Math.abs(low), Math.abs(high))) {
    const margin = Math.abs(low) * 0.1 || 0.5;
    [low, high] = [low - margin, high + margin];
  }
  const step = niceStep((high / ticks - low / ticks) * 1.0001);
  const decimals = Math.max(0, Math.min(100, -Math.floor(Math.log10(step) + 1e-9)));
  // Multiples of 0.1 would otherwise end in 0.30000000000000004.
  const at = (multiple: number): number => Number((multiple * step).toFixed(decimals));
  return {
    min: at(Math.floor(low / step + 1e-9)),
    max: at(Math.ceil(high / step - 1e-9)),
    interval: step,
    format: (value) => formatTick(value, step),
  };
}

function niceStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  const factor = [1, 2, 5].find((candidate) => candidate * power >= atLeast) ?? 10;
  return Number((factor * power).toPrecision(1));
}

function formatTick(value: number, step: number): string {
  const size = Math.abs(value);
  if (size >= 1e7 || (size > 0 && step < 1e-5)) return value.toExponential(1).replace("e+", "e");
  if (step >= 1000) return value === 0 ? "0" : `${value / 1000}k`;
  const text = value.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}
