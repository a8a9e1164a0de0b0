import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from "@opentelemetry/sdk-trace";
import { connectServer } from "@corella/llm/remote";
import { expect, test } from "vitest";
import { createApp } from "../app.ts";
import { createDeployments } from "../deployment/deployments.ts";
import { post, world } from "../world.test-helper.ts";
import { createTracing, otlpTracing, type Tracing } from "./tracing.ts";

/** Traces that stay in memory. */
function inMemory(): {
  tracing: Tracing;
  spans: () => ReadableSpan[];
  named: (name: string) => ReadableSpan;
} {
  const exporter = new InMemorySpanExporter();
  const tracing = createTracing(new SimpleSpanProcessor({ exporter }));
  const spans = (): ReadableSpan[] => exporter.getFinishedSpans();
  const named = (name: string): ReadableSpan => {
    const found = spans().filter((span) => span.name === name);
    expect(found, name).toHaveLength(1);
    return found[0]!;
  };
  return { tracing, spans, named };
}

const traceId = "0af7651916cd43dd8448eb211c80319c";
const callerId = "b7ad6b7169203331";
const durationMs = ({ duration: [seconds, nanos] }: ReadableSpan): number => 1000 * seconds + nanos / 1e6;

test("a request's span is its caller's child, and scoring is the request's", async () => {
  const { tracing, named } = inMemory();
  const { deployment, log, lines } = world();
  const deployments = createDeployments([{ deployment, dispose: async () => {} }], {
    around: (bundle, rows, work) => tracing.span("score", { "corella.rows": rows }, work),
  });
  const app = createApp(deployments, { log, operations: { tracing } });
  const response = await app.request("/v1/score", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-request-id": "req-1",
      traceparent: `00-${traceId}-${callerId}-01`,
    },
    body: '{"samples": [{"user": "secret-user", "item": "1"}, {"item": "2"}]}',
  });
  expect(response.status).toBe(200);
  const request = named("POST /v1/score");
  expect(request.spanContext().traceId).toBe(traceId);
  expect(request.parentSpanContext?.spanId).toBe(callerId);
  expect(request.attributes).toEqual({
    "http.request.method": "POST",
    "http.route": "/v1/score",
    "http.response.status_code": 200,
    "corella.request": "req-1",
  });
  const score = named("score");
  expect(score.parentSpanContext?.spanId).toBe(request.spanContext().spanId);
  expect(score.attributes).toEqual({ "corella.rows": 2 });
  expect(lines).toHaveLength(1);
});

test("a request without a caller begins a trace, and a failure is told by its kind alone", async () => {
  const { tracing, named } = inMemory();
  const { deployment, failures, log } = world();
  const deployments = createDeployments([{ deployment, dispose: async () => {} }], {
    around: (bundle, rows, work) => tracing.span("score", {}, work),
  });
  const app = createApp(deployments, { log, operations: { tracing } });
  failures.crm = new TypeError("about secret-user");
  expect((await post(app, { item: "1" }))[0]).toBe(500);
  expect(named("POST /v1/score").parentSpanContext).toBeUndefined();
  expect(named("POST /v1/score").status).toEqual({ code: 2 });
  expect(named("score").status).toEqual({ code: 2, message: "TypeError" });
});

test("rows of a lane: their wait and their batch, below the span of whoever brought them", async () => {
  const { tracing, named, spans } = inMemory();
  const lane = tracing.lane("llm");
  // A queue calls from a loop of its own, in nobody's context.
  const begin: (() => void)[] = [];
  const queued = (rows: number): Promise<void> => {
    const traced = lane.waiting(rows);
    return new Promise((resolve) => {
      begin.push(() => {
        traced.begun({ rows: 5 });
        setTimeout(() => {
          traced.ended();
          resolve();
        }, 40);
      });
    });
  };
  const work = tracing.span("score", {}, () => queued(2));
  await sleep(20);
  for (const each of begin) each();
  await work;
  const [score, whole] = [named("score"), named("lane llm")];
  expect(whole.parentSpanContext?.spanId).toBe(score.spanContext().spanId);
  expect(whole.attributes).toEqual({ "corella.rows": 2 });
  for (const name of ["queue", "batch"])
    expect(named(name).parentSpanContext?.spanId).toBe(whole.spanContext().spanId);
  expect(named("batch").attributes).toEqual({ "corella.rows": 5 });
  expect(durationMs(named("queue"))).toBeGreaterThan(15);
  expect(durationMs(named("batch"))).toBeGreaterThan(35);
  expect(new Set(spans().map((span) => span.spanContext().traceId)).size).toBe(1);
  const dropped = lane.waiting(1);
  dropped.ended(Object.assign(new Error("about secret-user"), { code: "lane/full" }));
  expect(spans().at(-1)!.status).toEqual({ code: 2, message: "lane/full" });
});

test("a server of the LLM is told the trace", async () => {
  const { tracing, named } = inMemory();
  const requests: IncomingMessage["headers"][] = [];
  const server = createServer((request, response) => {
    requests.push(request.headers);
    response.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const remote = connectServer({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    headers: tracing.headers,
    concurrency: 1,
  });
  const ask = (): Promise<string> => remote.post("/completions", {}, (answer) => answer);
  // The second waits for the first one's turn, and is still its own caller's.
  await Promise.all([tracing.span("one", {}, ask), tracing.span("two", {}, ask), ask()]);
  server.close();
  const parentOf = (name: string): string => {
    const { traceId: trace, spanId } = named(name).spanContext();
    return `00-${trace}-${spanId}-01`;
  };
  expect(requests.map(({ traceparent }) => traceparent)).toEqual([
    parentOf("one"),
    parentOf("two"),
    undefined,
  ]);
});

test("spans go to a collector over HTTP when the server ends, if not before", async () => {
  const received: { url: string | undefined; body: string }[] = [];
  const collector = createServer((request, response) => {
    void text(request).then((body) => {
      received.push({ url: request.url, body });
      return response.setHeader("content-type", "application/json").end("{}");
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  const tracing = otlpTracing(`http://127.0.0.1:${(collector.address() as AddressInfo).port}/`);
  await tracing.span("score", { "corella.rows": 2 }, async () => {});
  await tracing.close();
  collector.close();
  expect(received.map(({ url }) => url)).toEqual(["/v1/traces"]);
  const { resourceSpans } = JSON.parse(received[0]!.body) as {
    resourceSpans: {
      resource: { attributes: object[] };
      scopeSpans: { spans: { name: string; attributes: object[] }[] }[];
    }[];
  };
  expect(resourceSpans[0]!.resource.attributes).toContainEqual({
    key: "service.name",
    value: { stringValue: "corella" },
  });
  const [span] = resourceSpans[0]!.scopeSpans[0]!.spans;
  expect(span!.name).toBe("score");
  expect(span!.attributes).toEqual([{ key: "corella.rows", value: { intValue: 2 } }]);
});
