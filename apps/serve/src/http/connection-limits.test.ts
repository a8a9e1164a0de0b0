import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { connectionLimits } from "../security/connection-limits.ts";
import { world } from "../world.test-helper.ts";
import { listen, type HttpServer } from "./listen.ts";

let server: HttpServer | undefined;
afterEach(() => server?.close(100));

/** A server whose patience is short. */
async function impatient(maxConnections = 10): Promise<HttpServer> {
  const { app } = world();
  const serverOptions = {
    ...connectionLimits.serverOptions,
    headersTimeout: 200,
    requestTimeout: 400,
    connectionsCheckingInterval: 50,
  };
  server = await listen({ host: "127.0.0.1", port: 0 }, app, {
    maxConnections,
    serverOptions,
  });
  return server;
}

async function open({
  url,
}: HttpServer): Promise<{ socket: Socket; answer: () => string; ended: Promise<unknown> }> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => {}); // the server hangs up
  let answer = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    answer += text;
  });
  const ended = once(socket, "close");
  await Promise.race([once(socket, "connect"), ended]);
  return { socket, answer: () => answer, ended };
}

test("who sends a byte now and then is cut off, in the headers and in the body, and others are answered meanwhile", async () => {
  const listening = await impatient();
  for (const begun of [
    "POST /v1/score HTTP/1.1\r\nhost: x\r\n",
    "POST /v1/score HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n",
  ]) {
    const { socket, answer, ended } = await open(listening);
    socket.write(begun);
    const drip = setInterval(() => socket.write("a"), 20);
    expect((await fetch(`${listening.url}/health/live`)).status).toBe(200);
    expect(await Promise.race([ended.then(() => "cut off"), pause(3000).then(() => "still open")])).toBe(
      "cut off",
    );
    clearInterval(drip);
    expect(answer()).toMatch(/^HTTP\/1\.1 408 /);
  }
});

test("headers beyond their limit are refused", async () => {
  const listening = await impatient();
  const { socket, answer, ended } = await open(listening);
  socket.write(`GET /health/live HTTP/1.1\r\nhost: x\r\nx-long: ${"a".repeat(20_000)}\r\n\r\n`);
  await ended;
  expect(answer()).toMatch(/^HTTP\/1\.1 431 /);
});

test("connections beyond their number are closed, and the others go on", async () => {
  const listening = await impatient(2);
  const [one, two, three] = [await open(listening), await open(listening), await open(listening)];
  await three.ended;
  expect(three.answer()).toBe("");
  one.socket.write("GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  await one.ended;
  expect(one.answer()).toMatch(/^HTTP\/1\.1 200 /);
  two.socket.destroy();
});
