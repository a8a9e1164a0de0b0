import type { LaneObserver } from "@corella/serving";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

/** What waits for a lane. */
export interface LaneWaiting {
  readonly rows: number;
  readonly bytes: number;
}

/** Why the CRM answered in the LLM's place. */
export const fallbackReasons = ["full", "timeout", "budget", "failed", "aborted"] as const;

/** An answer as it is counted. */
export interface CountedAnswer {
  readonly route: string;
  readonly bundle: string;
  readonly version: string;
  /** In nats. */
  readonly entropy?: number | undefined;
  readonly fallback?: string | undefined;
}

/** What a server counts of itself, for Prometheus. Names and labels are part of the interface: boards and the console read them. */
export interface Metrics {
  /** @param event.endpoint the pattern of its path: never a path, which anybody can invent */
  request(event: {
    readonly endpoint: string;
    readonly method: string;
    readonly status: number;
    readonly seconds: number;
  }): void;
  answer(answer: CountedAnswer): void;
  lane(name: string): LaneObserver;
  /** Reads at every scrape what waits for a lane, added up over all lanes of this name; returns what ends it. */
  watchLane(name: string, waiting: () => LaneWaiting): () => void;
  /** Reads at every scrape what is left of a budget of the LLM. */
  watchBudget(name: string, left: () => number): () => void;
  /** Reads at every scrape which bundles are served. */
  watchBundles(bundles: () => readonly { readonly name: string; readonly version: string }[]): void;
  readonly contentType: string;
  /** All of it as Prometheus reads it. */
  text(): Promise<string>;
}

const seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** To ln 2 = 0.693. */
const nats = Array.from({ length: 14 }, (_, i) => (i + 1) / 20);
const batchRows = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
/** Any other is written by hand, and might be a series of its own. */
const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/**
 * Metrics that begin at zero.
 * @param options.process also what the process takes: memory, processor, event loop, garbage collection; default false
 */
export function createMetrics(options: { readonly process?: boolean } = {}): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (options.process === true) collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: "corella_requests_total",
    help: "Requests by the endpoint's pattern.",
    labelNames: ["endpoint", "method", "status"],
    registers,
  });
  const requestSeconds = new Histogram({
    name: "corella_request_seconds",
    help: "Time from a request's head to its answer.",
    labelNames: ["endpoint"],
    buckets: seconds,
    registers,
  });
  const answers = new Counter({
    name: "corella_answers_total",
    help: "Samples by the model that had the last word, and by bundle.",
    labelNames: ["route", "bundle", "version"],
    registers,
  });
  const fallbacks = new Counter({
    name: "corella_fallbacks_total",
    help: "Samples for the LLM that have the CRM's answer, by reason.",
    labelNames: ["reason"],
    registers,
  });
  // Known before the first: a rate from nothing is none.
  for (const reason of fallbackReasons) fallbacks.inc({ reason }, 0);
  const entropy = new Histogram({
    name: "corella_entropy",
    help: "Entropy of the CRM's answers, in nats.",
    buckets: nats,
    registers,
  });
  const lanes = laneMetrics(registers);
  const budgets = watched<number>();
  gauge(registers, "corella_llm_budget_left", "What is left of a budget of the LLM.", ["budget"], () =>
    budgets.all().map(([budget, left]) => [{ budget }, left]),
  );
  let served: () => readonly { readonly name: string; readonly version: string }[] = () => [];
  gauge(registers, "corella_bundle_info", "1 for each bundle that is served.", ["bundle", "version"], () =>
    served().map(({ name, version }) => [{ bundle: name, version }, 1]),
  );
  return {
    request({ endpoint, method, status, seconds: took }) {
      requests.inc({ endpoint, method: methods.has(method) ? method : "other", status });
      requestSeconds.observe({ endpoint }, took);
    },
    answer({ route, bundle, version, entropy: nat, fallback }) {
      answers.inc({ route, bundle, version });
      if (nat !== undefined) entropy.observe(nat);
      if (fallback !== undefined) fallbacks.inc({ reason: fallback });
    },
    lane: lanes.observer,
    watchLane: lanes.watch,
    watchBudget: budgets.add,
    watchBundles(bundles) {
      served = bundles;
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

/** The metrics of queues, by lane. */
function laneMetrics(registers: Registry[]): {
  observer(lane: string): LaneObserver;
  watch(lane: string, waiting: () => LaneWaiting): () => void;
} {
  const labelNames = ["lane"] as const;
  const waiting = watched<LaneWaiting>();
  for (const unit of ["rows", "bytes"] as const) {
    gauge(registers, `corella_lane_waiting_${unit}`, `What waits for a lane, in ${unit}.`, labelNames, () =>
      waiting.all().map(([lane, amount]) => [{ lane }, amount[unit]]),
    );
  }
  const histogram = (name: string, help: string, buckets: number[]): Histogram<"lane"> =>
    new Histogram({ name, help, labelNames, buckets, registers });
  const waits = histogram("corella_lane_wait_seconds", "How long requests waited for a lane.", seconds);
  const rows = histogram("corella_lane_batch_rows", "Rows that a lane computed at once.", batchRows);
  const durations = histogram("corella_lane_batch_seconds", "How long a lane computed a batch.", seconds);
  const dropped = new Counter({
    name: "corella_lane_dropped_total",
    help: "Rows that a lane did not answer, by reason.",
    labelNames: ["lane", "reason"],
    registers,
  });
  return {
    observer: (lane) => ({
      batch(event) {
        for (const waitMs of event.waitsMs) waits.observe({ lane }, waitMs / 1000);
        rows.observe({ lane }, event.rows);
        durations.observe({ lane }, event.durationMs / 1000);
      },
      dropped(event) {
        dropped.inc({ lane, reason: event.reason }, event.rows);
      },
    }),
    watch: waiting.add,
  };
}

/** A gauge that is read at every scrape; what has the same labels is added up. */
function gauge<Label extends string>(
  registers: Registry[],
  name: string,
  help: string,
  labelNames: readonly Label[],
  read: () => readonly (readonly [labels: Readonly<Record<Label, string>>, value: number])[],
): Gauge<Label> {
  return new Gauge({
    name,
    help,
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const [labels, value] of read()) this.inc(labels, value);
    },
  });
}

/** Values that are read when they are asked for, several under one name. */
function watched<Value>(): {
  add(name: string, read: () => Value): () => void;
  all(): (readonly [name: string, value: Value])[];
} {
  const entries = new Set<readonly [string, () => Value]>();
  return {
    add(name, read) {
      const entry = [name, read] as const;
      entries.add(entry);
      return () => void entries.delete(entry);
    },
    all: () => [...entries].map(([name, read]) => [name, read()]),
  };
}
