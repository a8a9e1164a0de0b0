import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { atConstantRate, latencyAt, statusesOf } from "./constant-rate.ts";

test("requests are sent at their rate whether they are answered or not, and latencies count from when they were due", async () => {
  const arrivals: number[] = [];
  const server = createServer((request, response) => {
    request.resume();
    arrivals.push(performance.now());
    // The first ones are answered late; each answers for itself.
    const waitMs = arrivals.length <= 10 ? 300 : 0;
    setTimeout(() => {
      response.writeHead(arrivals.length % 2 === 0 ? 200 : 503, { "retry-after": "1" });
      response.end("{}");
    }, waitMs);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const answers = await atConstantRate(url, { perSecond: 100, seconds: 0.5, bodyOf: String });
  server.close();
  expect(answers.map(({ index }) => index)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  expect(answers.map(({ dueMs }) => Math.round(dueMs))).toEqual(Array.from({ length: 50 }, (_, i) => 10 * i));
  // Had each waited for the one before, the ten late ones alone had taken 3 s.
  expect(arrivals.at(-1)! - arrivals[0]!).toBeLessThan(2500);
  expect(answers.every(({ lateMs }) => lateMs >= 0)).toBe(true);
  expect(latencyAt(1, answers.slice(0, 10))).toBeGreaterThanOrEqual(290);
  expect(Object.values(statusesOf(answers)).reduce((sum, count) => sum + count)).toBe(50);
  expect(answers.every(({ retryAfter }) => retryAfter === "1")).toBe(true);
  expect(latencyAt(0.5, [])).toBeNull();
});
