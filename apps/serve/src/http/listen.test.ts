import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { createMetrics } from "../operations/metrics.ts";
import { world } from "../world.test-helper.ts";
import { listen } from "./listen.ts";

test("a sender that hangs up in the middle of a body is no defect of the server", async () => {
  const { app, lines } = world();
  const server = await listen({ host: "127.0.0.1", port: 0 }, app);
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  await once(socket, "connect");
  const head =
    "POST /v1/score HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n";
  socket.write(`${head}{"it`);
  const alive = await fetch(`${server.url}/health/live`);
  expect(alive.status).toBe(200);
  socket.destroy();
  await expect.poll(() => lines.length).toBe(2);
  expect(lines[1]).toMatch(/^POST \/v1\/score 499 [\d.]+ ms$/);
  await server.close(1000);
});

test("a sender that hangs up while its sample is scored has its line, and is counted", async () => {
  const metrics = createMetrics();
  const { app, deployment, lines } = world({ operations: { metrics } });
  const begun = new Promise<void>((resolve) => {
    deployment.score = (samples, { signal } = {}) => {
      resolve();
      return new Promise((_, reject) => {
        signal!.addEventListener("abort", () => reject(signal!.reason as Error));
      });
    };
  });
  const server = await listen({ host: "127.0.0.1", port: 0 }, app);
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  const head =
    "POST /v1/score HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n";
  socket.write(`${head}{"item": "1"}`);
  await begun;
  socket.destroy();
  await expect.poll(() => lines.length).toBe(1);
  expect(lines[0]).toMatch(/^POST \/v1\/score 499 [\d.]+ ms$/);
  expect(await metrics.text()).toContain(
    'corella_requests_total{endpoint="/v1/score",method="POST",status="499"} 1\n',
  );
  await server.close(1000);
});

test("a request of HTTP/1.0 that tells no host is answered, as a balancer's look at health is", async () => {
  const { app } = world();
  const server = await listen({ host: "127.0.0.1", port: 0 }, app);
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  socket.write("GET /health/live HTTP/1.0\r\n\r\n");
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /);
  await server.close(1000);
});
