import { expect, test } from "vitest";
import { parseRunConfig } from "../config/config.ts";
import { rungEnds, stepOfRung } from "./rungs.ts";

const trainings = (...epochs: number[]): { epochs: number; validationsPerEpoch: number }[] =>
  epochs.map((each) => ({ epochs: each, validationsPerEpoch: 2 }));

test("rungs end eta times as late each, the last with the longest training, the first not before a validation", () => {
  expect(rungEnds({ factor: 4 }, trainings(8))).toEqual([0.5, 2, null]);
  expect(rungEnds({ factor: 4 }, trainings(4, 16))).toEqual([1, 4, null]);
  expect(rungEnds({ factor: 4 }, trainings(3))).toEqual([0.5, 2, null]);
  expect(rungEnds({ factor: 3, firstEpochs: 1 }, trainings(10))).toEqual([1, 3, 9, null]);
  // No rung of the whole length beside the whole.
  expect(rungEnds({ factor: 2, firstEpochs: 1 }, trainings(4))).toEqual([1, 2, null]);
  expect(rungEnds({ factor: 2, firstEpochs: 9 }, trainings(4))).toEqual([null]);
});

test("a rung ends at the validation that is nearest to its epochs, and at none before the first", () => {
  const { warmUp } = parseRunConfig({ data: { preset: "ml-1m", path: "x" } }, "c.yaml").stages;
  // 157 steps an epoch, a validation every 78: at 78, 156, 234, 312.
  expect([0.01, 0.5, 1, 1.6, 2].map((epochs) => stepOfRung(epochs, 157, warmUp))).toEqual([
    78, 78, 156, 234, 312,
  ]);
  expect(stepOfRung(1, 157, { ...warmUp, validateEverySteps: 50 })).toBe(150);
});
