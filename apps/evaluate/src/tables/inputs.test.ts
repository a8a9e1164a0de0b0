import type { FinishedRun } from "@corella/alignment";
import { expect, test } from "vitest";
import { requireLabels } from "./inputs.ts";

const part = (rows: number[], labels: number[]): FinishedRun["result"]["test"] => ({
  rows: Uint32Array.from(rows),
  labels: Float32Array.from(labels),
  predictions: [],
});
const result = { test: part([2, 3], [1, 0]), validation: part([1], [1]) } as FinishedRun["result"];

test("labels that are those of the runs pass", () => {
  expect(() => requireLabels([{ result }], { label: Uint8Array.of(0, 1, 1, 0) }, "c.yaml")).not.toThrow();
});

test.each([
  ["a test row of another label", [0, 1, 0, 0]],
  ["a validation row of another label", [0, 0, 1, 0]],
  ["a row that is gone", [0, 1, 1]],
])("%s is refused", (_, label) => {
  const changed = { code: "evaluate/data-changed", place: "c.yaml" };
  expect(() => requireLabels([{ result }], { label: Uint8Array.from(label) }, "c.yaml")).toThrow(
    expect.objectContaining(changed),
  );
});
