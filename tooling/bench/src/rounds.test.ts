import { expect, test } from "vitest";
import type { Contestant } from "./contestant.ts";
import { interleave, measure, median } from "./rounds.ts";

function recorded(log: string[], name: string, times: number[]): Contestant {
  let next = 0;
  return {
    parameters: undefined,
    dispose: async () => {},
    round: async () => {
      log.push(name);
      const ms = times[next++]!;
      return { ms, cpuMs: 2 * ms };
    },
  };
}

test("sides take turns, and each rival is compared with its own neighbours", async () => {
  const log: string[] = [];
  const ours = recorded(log, "ours", [10, 20, 12, 20, 11, 20]);
  const a = recorded(log, "a", [20, 30, 22]);
  const b = recorded(log, "b", [10, 10, 10]);
  const times = await interleave(ours, [a, b], { rounds: 3, steps: 1, settleMs: 0 });
  expect(log.slice(0, 5)).toEqual(["ours", "a", "ours", "b", "ours"]);
  expect(measure("case/a", times, 0)).toEqual({
    name: "case/a",
    ours: 11,
    peer: 22,
    ratio: 2,
    unit: "ms",
    cpu: { ours: 22, peer: 44, ratio: 2 },
    rounds: 3,
    spread: { ours: [10, 12], peer: [20, 30], ratio: [2, 2.5] },
  });
  expect(measure("case/b", times, 1).ratio).toBe(0.5);
  expect(measure("case/b", times, 1, 10)).toMatchObject({
    ours: 200,
    peer: 100,
    ratio: 0.5,
    cpu: { ours: 400 },
  });
});

test("without a rival the peer is null", async () => {
  const times = await interleave(recorded([], "ours", [3, 1]), [], { rounds: 2, steps: 1, settleMs: 0 });
  expect(measure("case/x", times, undefined)).toMatchObject({ ours: 2, peer: null, ratio: null });
});

test("the median of an even number of values is the mean of the middle two", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
});
