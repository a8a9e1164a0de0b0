/** A probability or entropy: three digits after the point. */
export function formatUnit(value: number): string {
  return value.toFixed(3);
}

/** A share as a percentage. */
export function formatShare(share: number): string {
  return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}

/** A number of any size in about three digits; a dash where there is none. */
export function formatNumber(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  if (size >= 100 || Number.isInteger(value)) return value.toFixed(0);
  return value.toFixed(size >= 10 ? 1 : size >= 0.1 ? 2 : 3);
}

/** A duration in milliseconds or seconds. @param seconds undefined: not known */
export function formatSeconds(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds)) return "–";
  return seconds < 1 ? `${formatNumber(1000 * seconds)} ms` : `${formatNumber(seconds)} s`;
}
