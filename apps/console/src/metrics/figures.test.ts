import { expect, test } from "vitest";
import {
  budgetsLeft,
  endpointFigures,
  entropyBuckets,
  fallbackCounts,
  fallbackRate,
  laneFigures,
  llmShare,
  requestQuantile,
  requestRate,
  secondsPerLlmRow,
} from "./figures.ts";
import { parsePrometheus } from "./prometheus.ts";

/** A server after so many times ten seconds. */
const after = (tens: number): { at: number; samples: ReturnType<typeof parsePrometheus> } => ({
  at: 10 * tens,
  samples: parsePrometheus(`
corella_requests_total{endpoint="/v1/rank",method="POST",status="200"} ${40 * tens}
corella_requests_total{endpoint="/v1/rank",method="POST",status="503"} ${10 * tens}
corella_requests_total{endpoint="/metrics",method="GET",status="200"} ${5 * tens}
corella_request_seconds_bucket{endpoint="/v1/rank",le="0.01"} ${25 * tens}
corella_request_seconds_bucket{endpoint="/v1/rank",le="0.1"} ${50 * tens}
corella_request_seconds_bucket{endpoint="/v1/rank",le="+Inf"} ${50 * tens}
corella_request_seconds_bucket{endpoint="/metrics",le="0.01"} 0
corella_request_seconds_bucket{endpoint="/metrics",le="0.1"} ${5 * tens}
corella_request_seconds_bucket{endpoint="/metrics",le="+Inf"} ${5 * tens}
corella_answers_total{route="crm",bundle="b",version="1"} ${300 * tens}
corella_answers_total{route="llm",bundle="b",version="1"} ${100 * tens}
corella_fallbacks_total{reason="full"} ${4 * tens}
corella_lane_waiting_rows{lane="llm"} 7
corella_lane_batch_rows_sum{lane="llm"} ${80 * tens}
corella_lane_batch_rows_count{lane="llm"} ${20 * tens}
corella_lane_batch_seconds_sum{lane="llm"} ${4 * tens}
corella_lane_batch_seconds_count{lane="llm"} ${20 * tens}
corella_lane_batch_seconds_bucket{lane="llm",le="0.2"} ${20 * tens}
corella_lane_batch_seconds_bucket{lane="llm",le="+Inf"} ${20 * tens}
corella_lane_dropped_total{lane="llm",reason="expired"} ${2 * tens}
corella_llm_budget_left{budget="calls"} 0.5
corella_entropy_bucket{le="0.3"} ${tens}
corella_entropy_bucket{le="+Inf"} ${3 * tens}
`),
});
const [from, to] = [after(1), after(2)];

test("requests of this page, of metrics and of health do not count", () => {
  expect(requestRate(from, to)).toBe(5);
  expect(requestQuantile(from, to, 0.5)).toBeCloseTo(0.01, 12);
  expect(requestQuantile(from, to, 0.99)).toBeCloseTo(0.01 + 0.09 * (24.5 / 25), 12);
});

test("each endpoint has its rates and quantiles", () => {
  expect(endpointFigures(from, to)).toMatchObject([
    { endpoint: "/metrics", perSecond: 0.5, errorsPerSecond: 0 },
    { endpoint: "/v1/rank", perSecond: 5, errorsPerSecond: 1, p50: 0.01 },
  ]);
});

test("the LLM's share, what it did not answer, what is left of its budget", () => {
  expect(llmShare(from, to)).toBe(0.25);
  expect(llmShare(to, to)).toBeUndefined();
  expect(fallbackRate(from, to)).toBeCloseTo(0.4, 12);
  expect(fallbackCounts(to)).toEqual([{ name: "full", value: 8 }]);
  expect(budgetsLeft(to)).toEqual([{ name: "calls", value: 0.5 }]);
  expect(secondsPerLlmRow(to)).toBe(0.05);
});

test("each lane has its queue, batches and what it dropped", () => {
  expect(laneFigures(from, to)).toEqual([
    { lane: "llm", waitingRows: 7, batchRows: 4, p50: 0.1, p99: 0.198, droppedPerSecond: 0.2 },
  ]);
  expect(entropyBuckets(to)).toEqual([
    { le: 0.3, count: 2 },
    { le: Infinity, count: 4 },
  ]);
});

test("of a server that tells nothing of it, nothing is known", () => {
  const empty = { at: 30, samples: [] };
  expect([
    requestRate(to, empty),
    llmShare(to, empty),
    fallbackRate(to, empty),
    secondsPerLlmRow(empty),
  ]).toEqual([undefined, undefined, undefined, undefined]);
  expect([...endpointFigures(to, empty), ...laneFigures(to, empty), ...budgetsLeft(empty)]).toEqual([]);
});
