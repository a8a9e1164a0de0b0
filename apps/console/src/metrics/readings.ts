import type { MetricSample } from "./prometheus.ts";

/** All metrics of one moment. */
export interface Reading {
  /** Seconds on a clock that only goes on. */
  readonly at: number;
  readonly samples: readonly MetricSample[];
}

/** Labels that a sample must have, or what they must be like. */
export type Labels =
  | Readonly<Record<string, string>>
  | ((labels: Readonly<Record<string, string>>) => boolean);

/** What of a histogram lies at or below a bound. */
export interface Bucket {
  /** The upper bound, in the histogram's unit; the last one's is infinite. */
  readonly le: number;
  /** How many are above the bound before, and not above this. */
  readonly count: number;
}

/** The sum of a metric's values with these labels; undefined where there is none. */
export function valueOf(reading: Reading, name: string, labels: Labels = {}): number | undefined {
  const values = reading.samples.filter((sample) => sample.name === name && has(sample, labels));
  return values.length === 0 ? undefined : values.reduce((sum, { value }) => sum + value, 0);
}

/** The different values of a label of a metric, sorted. */
export function labelValues(reading: Reading, name: string, label: string): string[] {
  const values = reading.samples.flatMap((sample) =>
    sample.name === name && sample.labels[label] !== undefined ? [sample.labels[label]] : [],
  );
  return [...new Set(values)].toSorted();
}

/**
 * By how much counters grew between two readings; a counter that began again, with a server that was restarted, counts from zero.
 * undefined where there is none in the later one.
 */
export function increase(from: Reading, to: Reading, name: string, labels: Labels = {}): number | undefined {
  const before = new Map(
    from.samples.filter((sample) => sample.name === name).map((sample) => [keyOf(sample), sample.value]),
  );
  const now = to.samples.filter((sample) => sample.name === name && has(sample, labels));
  if (now.length === 0) return undefined;
  return now.reduce((sum, sample) => {
    const earlier = before.get(keyOf(sample)) ?? 0;
    return sum + (sample.value >= earlier ? sample.value - earlier : sample.value);
  }, 0);
}

/** `increase` by second. */
export function rate(from: Reading, to: Reading, name: string, labels: Labels = {}): number | undefined {
  const grown = increase(from, to, name, labels);
  return grown === undefined || to.at <= from.at ? undefined : grown / (to.at - from.at);
}

/** The buckets of a histogram that filled between two readings, by ascending bound; over all its other labels. */
export function buckets(from: Reading, to: Reading, name: string, labels: Labels = {}): Bucket[] {
  const bounds = [
    ...new Set(
      to.samples
        .filter((sample) => sample.name === `${name}_bucket` && has(sample, labels))
        .map((sample) => sample.labels["le"] ?? ""),
    ),
  ];
  const cumulative = bounds
    .map((le) => ({
      le: le === "+Inf" ? Infinity : Number(le),
      count:
        increase(from, to, `${name}_bucket`, (of) => of["le"] === le && has({ labels: of }, labels)) ?? 0,
    }))
    .filter(({ le }) => !Number.isNaN(le))
    .toSorted((a, b) => a.le - b.le);
  return cumulative.map(({ le, count }, i) => ({
    le,
    count: Math.max(0, count - (cumulative[i - 1]?.count ?? 0)),
  }));
}

/**
 * A quantile of what filled buckets, as Prometheus' `histogram_quantile` has it: within a bucket all values are equally likely, and
 * of the last one its lower bound is told. undefined where nothing filled them.
 */
export function quantile(filled: readonly Bucket[], q: number): number | undefined {
  const all = filled.reduce((sum, { count }) => sum + count, 0);
  if (all === 0) return undefined;
  let below = 0;
  for (const [i, { le, count }] of filled.entries()) {
    const lower = i === 0 ? Math.min(0, le) : filled[i - 1]!.le;
    if (count > 0 && below + count >= q * all)
      return le === Infinity ? lower : lower + (le - lower) * ((q * all - below) / count);
    below += count;
  }
  return filled.at(-2)?.le;
}

function has({ labels }: Pick<MetricSample, "labels">, wanted: Labels): boolean {
  if (typeof wanted === "function") return wanted(labels);
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

function keyOf({ labels }: MetricSample): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
