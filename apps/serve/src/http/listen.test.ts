import { connect } from "node:net";
import { once } from "node:events";
import { expect, test } from "vitest";
import { listen } from "./listen.ts";
import { world } from "../world.test-helper.ts";

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
