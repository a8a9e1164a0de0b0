import { CorellaError } from "@corella/errors";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { historyLength } from "./log.ts";
import { randomLog } from "./random-log.test-helper.ts";
import { type LogSplit, splitLog } from "./split.ts";
import type { SplitConfig } from "./config.ts";

const kinds = fc.constantFrom<SplitConfig>(
  { kind: "time", shares: [0.8, 0.1, 0.1] },
  { kind: "leaveLastOut" },
  { kind: "randomByUser", shares: [0.5, 0.25, 0.25], seed: 3 },
);
const all = ({ train, validation, test: last }: LogSplit): number[] => [...train, ...validation, ...last];

describe("splitLog", () => {
  test("parts every sample once, in time order, and asks for enough history", () => {
    fc.assert(
      fc.property(randomLog(), kinds, fc.integer({ min: 0, max: 2 }), (log, split, minHistory) => {
        const samples = Array.from({ length: log.size }, (_, row) => row).filter(
          (row) => historyLength(log, row) >= minHistory,
        );
        fc.pre(samples.length > 0);
        const parts = splitLog(log, { split, filter: { minHistory } });
        expect(all(parts).sort((a, b) => a - b)).toEqual(samples);
        for (const part of Object.values(parts)) expect([...part]).toEqual([...part].sort((a, b) => a - b));
        if (split.kind === "time") expect(all(parts)).toEqual(samples);
      }),
    );
  });

  test("leave-last-out keeps a user's last sample for the test and the one before for validation", () => {
    fc.assert(
      fc.property(randomLog(), (log) => {
        const parts = splitLog(log, { split: { kind: "leaveLastOut" }, filter: { minHistory: 0 } });
        for (let user = 0; user < 4; user++) {
          const mine = [...log.userRows.subarray(log.userOffsets[user]!, log.userOffsets[user + 1]!)];
          if (mine.length < 3) continue;
          expect(parts.test).toContain(mine.at(-1));
          expect(parts.validation).toContain(mine.at(-2));
        }
        expect(parts.test.length).toBe(parts.validation.length);
      }),
    );
  });

  test("by user keeps a user in one part, the same for the same seed", () => {
    fc.assert(
      fc.property(randomLog(), fc.integer(), (log, seed) => {
        const config = {
          split: {
            kind: "randomByUser" as const,
            shares: [0.5, 0.25, 0.25] as [number, number, number],
            seed,
          },
          filter: { minHistory: 0 },
        };
        const parts = splitLog(log, config);
        const users = Object.values(parts).map(
          (rows: Uint32Array) => new Set([...rows].map((row) => log.user[row]!)),
        );
        expect(users.reduce((sum, { size }) => sum + size, 0)).toBe(new Set(log.user).size);
        expect(splitLog(log, config)).toEqual(parts);
      }),
    );
  });

  test("says when nothing is left, and when shares are no shares", () => {
    const [log] = fc.sample(randomLog(), 1);
    const time =
      (shares: [number, number, number], minHistory: number): (() => unknown) =>
      () =>
        splitLog(log!, { split: { kind: "time", shares }, filter: { minHistory } });
    expect(time([0.8, 0.1, 0.1], 1000)).toThrow(CorellaError);
    expect(time([0.8, 0.3, 0.1], 0)).toThrow(CorellaError);
  });
});
