/** One value of a metric. */
export interface MetricSample {
  /** With the suffix of a histogram: `…_bucket`, `…_sum`, `…_count`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?[ \t]+([^ \t]+)(?:[ \t]+-?\d+)?$/;
const label = /[ \t]*([a-zA-Z_]\w*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(?:,|$)/gy;

/**
 * Reads Prometheus' text format; lines that are none of it are left out, since a page that shows half is better than none.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4.
 */
export function parsePrometheus(text: string): MetricSample[] {
  return text.split("\n").flatMap((whole) => {
    const trimmed = whole.trim();
    if (trimmed === "" || trimmed.startsWith("#")) return [];
    const [, name, labels, told] = line.exec(trimmed) ?? [];
    const value = told === undefined ? undefined : numberOf(told);
    if (name === undefined || value === undefined) return [];
    const parsed = labelsOf(labels ?? "");
    return parsed === undefined ? [] : [{ name, labels: parsed, value }];
  });
}

function numberOf(text: string): number | undefined {
  const special = { "+Inf": Infinity, Inf: Infinity, "-Inf": -Infinity, NaN: Number.NaN }[text];
  if (special !== undefined) return special;
  const number = Number(text);
  return Number.isNaN(number) ? undefined : number;
}

function labelsOf(text: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  label.lastIndex = 0;
  let end = 0;
  for (let match = label.exec(text); match !== null; match = label.exec(text)) {
    labels[match[1]!] = match[2]!.replaceAll(/\\(.)/g, (_, escaped: string) =>
      escaped === "n" ? "\n" : escaped,
    );
    end = label.lastIndex;
    if (end === text.length) break;
  }
  return end === text.trimEnd().length || end === text.length ? labels : undefined;
}
