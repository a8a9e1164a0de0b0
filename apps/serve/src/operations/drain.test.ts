import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { createApp } from "../app.ts";
import { oneDeployment } from "../deployment/deployments.ts";
import { listen } from "../http/listen.ts";
import { world } from "../world.test-helper.ts";
import { createDrain, stopInOrder } from "./drain.ts";

/** What a client that keeps its connections gets. */
interface Got {
  readonly status: number;
  readonly connection: string | undefined;
  readonly body: string;
}

function client(url: string): { get(path: string, body?: string): Promise<Got>; agent: Agent } {
  const agent = new Agent({ keepAlive: true });
  const get = (path: string, body?: string): Promise<Got> =>
    new Promise((resolve, reject) => {
      const asked = request(
        url + path,
        {
          agent,
          method: body === undefined ? "GET" : "POST",
          headers: body === undefined ? {} : { "content-type": "application/json" },
        },
        (response) => {
          const { statusCode = 0, headers } = response;
          void text(response).then((answer) =>
            resolve({ status: statusCode, connection: headers.connection, body: answer }),
          );
        },
      );
      asked.on("error", reject);
      asked.end(body);
    });
  return { get, agent };
}

test("a server that stops says so, answers on, ends its connections, and closes what requests need last", async () => {
  const order: string[] = [];
  const drain = createDrain();
  const { deployment, log } = world();
  const app = createApp(oneDeployment(deployment), { log, operations: { drain } });
  const server = await listen({ host: "127.0.0.1", port: 0 }, app);
  const { get, agent } = client(server.url);
  expect(await get("/health/ready")).toMatchObject({ status: 200, connection: "keep-alive" });

  const startedMs = performance.now();
  let closedAfterMs = 0;
  const stopped = stopInOrder({
    drain,
    delayMs: 300,
    server: {
      close: async (graceMs) => {
        closedAfterMs = performance.now() - startedMs;
        order.push("close");
        await server.close(graceMs);
        order.push("no request runs");
      },
    },
    graceMs: 5000,
    afterwards: [async () => void order.push("lanes"), async () => void order.push("store")],
  });
  const readiness = await get("/health/ready");
  expect(readiness).toMatchObject({ status: 503, connection: "close" });
  expect(JSON.parse(readiness.body)).toMatchObject({
    status: "draining",
    code: "serve/draining",
  });
  expect((await get("/health/live")).status).toBe(200);
  expect(await get("/v1/score", '{"item": "2"}')).toMatchObject({ status: 200, connection: "close" });
  // One that runs at the end of the delay is waited for.
  let answer: () => void = () => {};
  const asked = new Promise<void>((resolve) => (answer = resolve));
  deployment.score = async () => {
    await asked;
    return [{ probability: 0.5, route: "crm" }];
  };
  const running = get("/v1/score", '{"item": "1"}');
  await vi.waitFor(() => expect(order).toEqual(["close"]), 5000);
  // Timers may be early by a millisecond.
  expect(closedAfterMs).toBeGreaterThan(295);
  await expect(get("/health/live")).rejects.toThrow("ECONNREFUSED");
  answer();
  expect((await running).status).toBe(200);
  await stopped;
  expect(order).toEqual(["close", "no request runs", "lanes", "store"]);
  agent.destroy();
});

test("an idle connection is ended at once", async () => {
  const { app } = world();
  const server = await listen({ host: "127.0.0.1", port: 0 }, app);
  const { get, agent } = client(server.url);
  expect((await get("/health/live")).status).toBe(200);
  const startedMs = performance.now();
  await server.close(60_000);
  expect(performance.now() - startedMs).toBeLessThan(5000);
  agent.destroy();
});

test("a request that never ends is cut off at the deadline", async () => {
  const { deployment, log } = world();
  const app = createApp(oneDeployment(deployment), { log });
  const server = await listen({ host: "127.0.0.1", port: 0 }, app);
  const { get, agent } = client(server.url);
  deployment.score = () => new Promise(() => {});
  const hung = get("/v1/score", '{"item": "1"}').catch((error: Error) => error.message);
  await sleep(50);
  const closedMs = performance.now();
  await server.close(200);
  expect(performance.now() - closedMs).toBeGreaterThan(150);
  expect(await hung).toMatch(/socket hang up|ECONNRESET/);
  agent.destroy();
});

test("what cannot be closed does not keep the others open, and its reason is heard", async () => {
  const order: string[] = [];
  await stopInOrder({
    drain: createDrain(),
    delayMs: 0,
    server: { close: async () => {} },
    graceMs: 0,
    afterwards: [
      () => Promise.reject(new Error("the lanes hang")),
      async () => void order.push("store"),
      () => Promise.reject(new Error("the disk is full")),
      async () => void order.push("traces"),
    ],
    onFailed: (error) => order.push((error as Error).message),
  });
  expect(order).toEqual(["the lanes hang", "store", "the disk is full", "traces"]);
});
