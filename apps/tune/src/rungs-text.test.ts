import type { RungsReport } from "@corella/alignment";
import { expect, test } from "vitest";
import { promotionsText, rungsSentence, rungsTable } from "./rungs-text.ts";

const entry = (
  trial: number,
  score: number,
  promoted: boolean,
  ended = false,
): RungsReport["rungs"][0][0] => {
  return { trial, score, promoted, ended, carried: false };
};
const report: RungsReport = {
  ends: [0.5, 1, null],
  factor: 2,
  rungs: [
    [entry(0, 0.7, true), entry(1, 0.6, false), entry(2, Number.NaN, false, true), entry(3, 0.8, true)],
    [entry(0, 0.71, false), entry(3, 0.81, true)],
    [entry(3, 0.82, false, true)],
  ],
  cpuSeconds: 9,
};

test("each rung tells how many have come, how many went on, wait and have ended, and the best of them", () => {
  expect(rungsTable(report).rows).toEqual([
    ["1", "0.5 epochs", "4", "2", "1", "1", "0.8000"],
    ["2", "1 epoch", "2", "1", "1", "0", "0.8100"],
    ["3", "the whole training", "1", "0", "0", "1", "0.8200"],
  ]);
  expect(promotionsText(report)).toBe("rung 1 -> 2: #1 #4\nrung 2 -> 3: #4");
});

test("what a search does is said in a sentence", () => {
  expect(rungsSentence("crm", report.ends, 2)).toBe(
    "Rungs end after 0.5 epochs, 1 epoch and the whole training; of 2 trials one goes on",
  );
  expect(rungsSentence("crm", [null], undefined)).toBe("Every trial is trained to its end");
  expect(rungsSentence("run", [null], 4)).toMatch(/whole run of the recipe.*one rung/);
});
