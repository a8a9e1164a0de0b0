import { expect, test } from "vitest";
import { dryRunTable } from "./dry-run.ts";

test("times of a dry run tell hours from minutes, and what was not measured alone has no steps", () => {
  const part = { title: "Stage 1", steps: 1256, stepMs: 2000, totalMs: 2_512_000, peakBytes: 2 ** 29 };
  const rest = { title: "All else", steps: 0, stepMs: 0, totalMs: 10_000_000, peakBytes: 2 ** 30 };
  const lines = dryRunTable({ parts: [part, rest], totalMs: 12_512_000, peakBytes: 2 ** 30 }).split("\n");
  expect(lines[1]).toMatch(/^Stage 1 +1,256 +2\.0 s +41:52 min +0\.5 GiB$/);
  expect(lines[2]).toMatch(/^All else +2 h 47 min +1\.0 GiB$/);
  expect(lines[3]).toMatch(/^All together, at most +3 h 29 min +1\.0 GiB$/);
});
