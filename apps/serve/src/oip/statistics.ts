import type { Deployment } from "../deployment/deployment.ts";
import { perDeployment } from "../deployment/per-deployment.ts";

/** How often something was done, and how long it took in all. */
interface Duration {
  readonly count: number;
  readonly ns: number;
}

/** Milliseconds that the parts of a request took. */
export interface InferTimes {
  /** Reading the request. */
  readonly inputMs: number;
  /** Scoring, with the wait for a model that is busy. */
  readonly inferMs: number;
  /** Making the answer. */
  readonly outputMs: number;
}

interface Counters {
  lastInference: number;
  inferences: number;
  success: Duration;
  fail: Duration;
  parts: Parts;
  readonly batches: Map<number, Parts>;
}

interface Parts {
  readonly input: Duration;
  readonly infer: Duration;
  readonly output: Duration;
}

/** What was asked of models by this protocol since the server started. */
export interface Statistics {
  /** Counts a request that was answered. @param rows its samples */
  succeeded(deployment: Deployment, rows: number, times: InferTimes): void;
  /** Counts a request that a model did not answer. Those that were refused before are not counted. */
  failed(deployment: Deployment, ms: number): void;
  /** An element of `model_stats`, as Triton's statistics extension has it. */
  of(deployment: Deployment): object;
}

/** Makes counters that are all zero. */
export function createStatistics(): Statistics {
  const countersOf = perDeployment((): Counters => ({
    lastInference: 0,
    inferences: 0,
    success: nothing,
    fail: nothing,
    parts: noParts,
    batches: new Map(),
  }));
  return {
    succeeded(deployment, rows, times) {
      const counters = countersOf(deployment);
      counters.lastInference = Date.now();
      counters.inferences += rows;
      counters.success = plus(counters.success, times.inputMs + times.inferMs + times.outputMs);
      counters.parts = plusParts(counters.parts, times);
      counters.batches.set(rows, plusParts(counters.batches.get(rows) ?? noParts, times));
    },
    failed(deployment, ms) {
      const counters = countersOf(deployment);
      counters.fail = plus(counters.fail, ms);
    },
    of(deployment) {
      const { lastInference, inferences, success, fail, parts, batches } = countersOf(deployment);
      return {
        ...deployment.info.bundle,
        last_inference: lastInference,
        inference_count: inferences,
        execution_count: success.count,
        inference_stats: {
          success,
          fail,
          // Waiting is part of scoring.
          queue: nothing,
          ...told(parts),
          cache_hit: nothing,
          cache_miss: nothing,
        },
        batch_stats: [...batches]
          .toSorted(([a], [b]) => a - b)
          .map(([size, batch]) => ({ batch_size: size, ...told(batch) })),
      };
    },
  };
}

const nothing: Duration = { count: 0, ns: 0 };
const noParts: Parts = { input: nothing, infer: nothing, output: nothing };

function told({ input, infer, output }: Parts): object {
  return { compute_input: input, compute_infer: infer, compute_output: output };
}

function plusParts({ input, infer, output }: Parts, { inputMs, inferMs, outputMs }: InferTimes): Parts {
  return { input: plus(input, inputMs), infer: plus(infer, inferMs), output: plus(output, outputMs) };
}

function plus({ count, ns }: Duration, ms: number): Duration {
  return { count: count + 1, ns: ns + Math.round(ms * 1e6) };
}
