import {
  buckets,
  increase,
  labelValues,
  quantile,
  rate,
  valueOf,
  type Bucket,
  type Labels,
  type Reading,
} from "./readings.ts";

/** A label's value and a number. */
export interface Part {
  readonly name: string;
  readonly value: number | undefined;
}

/** What one endpoint did between two readings. */
export interface EndpointFigures {
  readonly endpoint: string;
  readonly perSecond: number | undefined;
  /** Of answers with a status of 400 or more. */
  readonly errorsPerSecond: number | undefined;
  /** In seconds. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
}

/** What one lane did between two readings, and how full it is. */
export interface LaneFigures {
  readonly lane: string;
  readonly waitingRows: number | undefined;
  /** Mean rows of a batch. */
  readonly batchRows: number | undefined;
  /** Of a batch, in seconds. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  readonly droppedPerSecond: number | undefined;
}

const requests = "corella_requests_total";
const answers = "corella_answers_total";

/** Requests that ask models for something: not those for this page, its metrics and the health of the server. */
const counted: Labels = ({ endpoint = "" }) => !/^\/(metrics|console|health)\b/.test(endpoint);

/** Requests a second. */
export function requestRate(from: Reading, to: Reading): number | undefined {
  return rate(from, to, requests, counted);
}

/** A quantile of the durations of requests, in seconds. */
export function requestQuantile(from: Reading, to: Reading, q: number): number | undefined {
  return quantile(buckets(from, to, "corella_request_seconds", counted), q);
}

/** The share of the answers that the LLM gave; undefined without an answer. */
export function llmShare(from: Reading, to: Reading): number | undefined {
  const all = increase(from, to, answers);
  if (all === undefined || all === 0) return undefined;
  return (increase(from, to, answers, { route: "llm" }) ?? 0) / all;
}

/** Answers a second that the CRM gave in the LLM's place. */
export function fallbackRate(from: Reading, to: Reading): number | undefined {
  return rate(from, to, "corella_fallbacks_total");
}

/** Those by their reasons, since the server began. */
export function fallbackCounts(to: Reading): Part[] {
  const name = "corella_fallbacks_total";
  return labelValues(to, name, "reason").map((reason) => ({
    name: reason,
    value: valueOf(to, name, { reason }),
  }));
}

/** What is left of the LLM's budgets. */
export function budgetsLeft(to: Reading): Part[] {
  const name = "corella_llm_budget_left";
  return labelValues(to, name, "budget").map((budget) => ({
    name: budget,
    value: valueOf(to, name, { budget }),
  }));
}

/** Each endpoint that was asked. */
export function endpointFigures(from: Reading, to: Reading): EndpointFigures[] {
  return labelValues(to, requests, "endpoint").map((endpoint) => {
    const durations = buckets(from, to, "corella_request_seconds", { endpoint });
    return {
      endpoint,
      perSecond: rate(from, to, requests, { endpoint }),
      errorsPerSecond:
        rate(from, to, requests, (of) => of["endpoint"] === endpoint && Number(of["status"]) >= 400) ?? 0,
      p50: quantile(durations, 0.5),
      p99: quantile(durations, 0.99),
    };
  });
}

/** Each lane of models. */
export function laneFigures(from: Reading, to: Reading): LaneFigures[] {
  const names = ["corella_lane_waiting_rows", "corella_lane_batch_rows", "corella_lane_batch_seconds_count"];
  const lanes = [...new Set(names.flatMap((name) => labelValues(to, name, "lane")))].toSorted();
  return lanes.map((lane) => {
    const durations = buckets(from, to, "corella_lane_batch_seconds", { lane });
    return {
      lane,
      waitingRows: valueOf(to, "corella_lane_waiting_rows", { lane }),
      batchRows: batchRows(from, to, lane),
      p50: quantile(durations, 0.5),
      p99: quantile(durations, 0.99),
      droppedPerSecond: rate(from, to, "corella_lane_dropped_total", { lane }) ?? 0,
    };
  });
}

/** Entropies of answers since the server began. */
export function entropyBuckets(to: Reading): Bucket[] {
  return buckets({ at: to.at, samples: [] }, to, "corella_entropy");
}

/** Seconds of the LLM's lane for a row, over all that the server has computed; undefined where it has computed nothing. */
export function secondsPerLlmRow(to: Reading): number | undefined {
  const rows = valueOf(to, "corella_lane_batch_rows_sum", { lane: "llm" });
  const seconds = valueOf(to, "corella_lane_batch_seconds_sum", { lane: "llm" });
  return rows === undefined || seconds === undefined || rows === 0 ? undefined : seconds / rows;
}

function batchRows(from: Reading, to: Reading, lane: string): number | undefined {
  const batches = increase(from, to, "corella_lane_batch_rows_count", { lane });
  const rows = increase(from, to, "corella_lane_batch_rows_sum", { lane });
  if (batches === undefined || rows === undefined) return valueOf(to, "corella_lane_batch_rows", { lane });
  return batches === 0 ? undefined : rows / batches;
}
