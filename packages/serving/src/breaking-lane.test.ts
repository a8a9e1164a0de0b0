import type { Lane } from "@corella/bundle";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { breakingLane } from "./breaking-lane.ts";
import { record } from "./lanes.test-helper.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

function world(): { lane: Lane; asked: () => number; become: (score: Lane["score"]) => void } {
  let asked = 0;
  let score: Lane["score"] = () => Promise.reject(new Error("down"));
  const lane = breakingLane(
    {
      score(...call) {
        asked += 1;
        return score(...call);
      },
      dispose: async () => {},
    },
    { failures: 2, openMs: 1000 },
  );
  return { lane, asked: () => asked, become: (to) => (score = to) };
}

const works: Lane["score"] = async () => new Float32Array([0.5]);

test("after failures in a row calls fail at once; then one tries, and the lane is back when it succeeds", async () => {
  const { lane, asked, become } = world();
  for (let i = 0; i < 2; i++) await expect(lane.score([record(1)])).rejects.toThrow("down");
  await expect(lane.score([record(1)])).rejects.toMatchObject({
    code: "serving/circuit-open",
    cause: { message: "down" },
  });
  expect(asked()).toBe(2);
  vi.advanceTimersByTime(1000);
  const [tries, others] = [lane.score([record(1)]), lane.score([record(1)])];
  await expect(others).rejects.toMatchObject({ code: "serving/circuit-open" });
  await expect(tries).rejects.toThrow("down");
  expect(asked()).toBe(3);
  vi.advanceTimersByTime(999);
  await expect(lane.score([record(1)])).rejects.toMatchObject({ code: "serving/circuit-open" });
  vi.advanceTimersByTime(1);
  become(works);
  for (let i = 0; i < 3; i++) expect([...(await lane.score([record(1)]))]).toEqual([0.5]);
});

test("failures count in a row only, and calls that are given up count if their time was up", async () => {
  const { lane, become } = world();
  await expect(lane.score([record(1)])).rejects.toThrow("down");
  become(works);
  await lane.score([record(1)]);
  become((_, signal) => Promise.reject(signal!.reason as Error));
  for (let i = 0; i < 5; i++)
    await expect(lane.score([record(1)], AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
  const late = AbortSignal.abort(new DOMException("late", "TimeoutError"));
  for (let i = 0; i < 2; i++)
    await expect(lane.score([record(1)], late)).rejects.toMatchObject({ name: "TimeoutError" });
  await expect(lane.score([record(1)])).rejects.toMatchObject({ code: "serving/circuit-open" });
});
