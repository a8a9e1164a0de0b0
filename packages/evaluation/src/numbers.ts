import type { Spread } from "@corella/metrics";
/** Figures as text, alike in every table and chart. What is not a number is a dash. */

/** `0.7585` */
export function formatMetric(value: number, digits = 4): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "–";
}

/** `0.0063`, `−0.0012`: with a true minus sign, and none before a zero. */
export function formatSigned(value: number, digits = 4): string {
  const text = formatMetric(value, digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

/** `.7585`, as papers print it. */
export function formatShort(value: number): string {
  return formatMetric(value).replace(/^(-?)0\./, "$1.");
}

/** `.7939 ± .0004`; of a single value `.7939`; a dash of none. */
export function formatSpread({ mean, deviation }: Spread): string {
  if (Number.isNaN(mean)) return "–";
  return Number.isNaN(deviation) ? formatShort(mean) : `${formatShort(mean)} ± ${formatShort(deviation)}`;
}

/** `+0.0063`, with a true minus sign. */
export function formatDifference(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value).toFixed(digits);
  if (Number(size) === 0) return size;
  return `${value < 0 ? "−" : "+"}${size}`;
}

/** `p = 0.018`, `p < 0.001` */
export function formatPValue(p: number): string {
  if (!Number.isFinite(p)) return "p unknown";
  return p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`;
}

/** `30.0 %` */
export function formatShare(share: number): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : "–";
}

/** `97,002` */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** The day of a time in seconds since 1970, UTC: `2024-02-29`. */
export function formatDay(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}

/** `95 %` */
export function formatLevel(level: number): string {
  return `${Number((level * 100).toFixed(4))} %`;
}
