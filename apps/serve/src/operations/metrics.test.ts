import { describe, expect, test } from "vitest";
import { createApp } from "../app.ts";
import { createDeployments } from "../deployment/deployments.ts";
import { post, world } from "../world.test-helper.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { openOperations } from "./open-operations.ts";

/** Values by name and labels, as they are exposed. */
async function valuesOf(metrics: Metrics): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(" ");
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

/** What a command without options says. */
const noOptions = {
  bundle: [],
  runs: "runs",
  splitSalt: "",
  admin: false,
  shownMegabytes: 1,
  shownUsers: false,
  log: "text",
  drainDelay: 0,
  drainTimeout: 0,
} as const;

test("the names that boards and the console read", async () => {
  const metrics = createMetrics();
  metrics.lane("crm").batch({ rows: 1, waitsMs: [1], durationMs: 1 });
  metrics.lane("crm").dropped({ reason: "full", rows: 1 });
  metrics.watchLane("crm", () => ({ rows: 1, bytes: 2 }));
  metrics.watchBudget("share", () => 0.5);
  metrics.watchBundles(() => [{ name: "tiny", version: "abc" }]);
  metrics.request({ endpoint: "/", method: "GET", status: 200, seconds: 0.1 });
  metrics.answer({ route: "crm", bundle: "tiny", version: "abc", entropy: 0.5 });
  const types = [...(await metrics.text()).matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  expect(Object.fromEntries(types.map(([, name, type]) => [name, type]))).toEqual({
    corella_requests_total: "counter",
    corella_request_seconds: "histogram",
    corella_answers_total: "counter",
    corella_fallbacks_total: "counter",
    corella_entropy: "histogram",
    corella_lane_waiting_rows: "gauge",
    corella_lane_waiting_bytes: "gauge",
    corella_lane_wait_seconds: "histogram",
    corella_lane_batch_rows: "histogram",
    corella_lane_batch_seconds: "histogram",
    corella_lane_dropped_total: "counter",
    corella_llm_budget_left: "gauge",
    corella_bundle_info: "gauge",
  });
  const values = await valuesOf(metrics);
  expect(values.get('corella_bundle_info{bundle="tiny",version="abc"}')).toBe(1);
  expect(values.get('corella_llm_budget_left{budget="share"}')).toBe(0.5);
});

test("a lane's batches, and what waits for all lanes of a name", async () => {
  const metrics = createMetrics();
  const lane = metrics.lane("llm");
  lane.batch({ rows: 3, waitsMs: [2, 40], durationMs: 200 });
  lane.dropped({ reason: "expired", rows: 5 });
  const stop = metrics.watchLane("llm", () => ({ rows: 2, bytes: 100 }));
  metrics.watchLane("llm", () => ({ rows: 3, bytes: 50 }));
  const before = await valuesOf(metrics);
  expect(before.get('corella_lane_waiting_rows{lane="llm"}')).toBe(5);
  expect(before.get('corella_lane_waiting_bytes{lane="llm"}')).toBe(150);
  expect(before.get('corella_lane_wait_seconds_count{lane="llm"}')).toBe(2);
  expect(before.get('corella_lane_wait_seconds_sum{lane="llm"}')).toBeCloseTo(0.042, 9);
  expect(before.get('corella_lane_batch_rows_bucket{le="2",lane="llm"}')).toBe(0);
  expect(before.get('corella_lane_batch_rows_bucket{le="4",lane="llm"}')).toBe(1);
  expect(before.get('corella_lane_batch_seconds_sum{lane="llm"}')).toBeCloseTo(0.2, 9);
  expect(before.get('corella_lane_dropped_total{lane="llm",reason="expired"}')).toBe(5);
  stop();
  expect((await valuesOf(metrics)).get('corella_lane_waiting_rows{lane="llm"}')).toBe(3);
});

describe("a server", () => {
  test("counts requests by pattern, samples by route and bundle, and fallbacks by reason", async () => {
    const { deployment, failures, log } = world();
    const operations = await openOperations(noOptions);
    const { metrics } = operations;
    const deployments = createDeployments([{ deployment, dispose: async () => {} }], operations);
    const app = createApp(deployments, { log, operations });
    await post(app, { samples: [{ item: "1" }, { item: "2" }, { item: "2" }] });
    failures.llm = new Error("down");
    await post(app, { user: "secret-user", item: "1" });
    await app.request("/users/secret-user");
    await app.request("/v1/score", { method: "BREW" });
    const response = await app.request("/metrics");
    expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    const values = await valuesOf(metrics);
    expect(values.get('corella_requests_total{endpoint="/v1/score",method="POST",status="200"}')).toBe(2);
    expect(values.get('corella_requests_total{endpoint="unknown",method="GET",status="404"}')).toBe(1);
    expect(values.get('corella_requests_total{endpoint="unknown",method="other",status="405"}')).toBe(1);
    expect(values.get('corella_requests_total{endpoint="/metrics",method="GET",status="200"}')).toBe(1);
    expect(values.get('corella_request_seconds_count{endpoint="/v1/score"}')).toBe(2);
    expect(values.get('corella_answers_total{route="crm",bundle="tiny",version="abc"}')).toBe(3);
    expect(values.get('corella_answers_total{route="llm",bundle="tiny",version="abc"}')).toBe(1);
    expect(values.get('corella_fallbacks_total{reason="failed"}')).toBe(1);
    expect(values.get('corella_fallbacks_total{reason="budget"}')).toBe(0);
    // Two of entropy .2338 and two of ln 2.
    expect(values.get('corella_entropy_bucket{le="0.25"}')).toBe(2);
    expect(values.get("corella_entropy_count")).toBe(4);
    expect(values.has("process_resident_memory_bytes")).toBe(true);
    expect(await metrics.text()).not.toContain("secret-user");
  });
});
