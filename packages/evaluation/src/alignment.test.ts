import { expect, test } from "vitest";
import { alignmentFigures, alignmentTable } from "./alignment.ts";

// Two unsure samples, two in between, two sure ones.
const crm = Float32Array.of(0.5, 0.55, 0.7, 0.25, 0.99, 0.01);
const labels = Float32Array.of(1, 0, 1, 0, 1, 0);

test("agreement, calibration and scores of pairs, on the groups of the first pair's CRM", () => {
  const same = { title: "same", crm, llm: crm };
  const other = { title: "other", crm: crm.map((p) => 1 - p), llm: crm };
  const [first, second] = alignmentFigures([same, other], labels);
  expect(first!.all).toMatchObject({ count: 6, agreement: 1 });
  expect(first!.all.logitCorrelation).toBeCloseTo(1, 6);
  // Each is alone in its of fifteen bins: how far it is from its label.
  expect(first!.all.crm.calibrationError).toBeCloseTo((0.5 + 0.55 + 0.3 + 0.25 + 0.01 + 0.01) / 6, 6);
  expect(first!.groups.map(({ count }) => count)).toEqual([2, 2, 2]);
  expect(first!.groups.map(({ crm: { quantiles } }) => quantiles[0])).toEqual([0.5, 0.25, Math.fround(0.01)]);
  // 1 - 0.5 is a yes too; all others are turned round.
  expect(second!.all.agreement).toBeCloseTo(1 / 6, 6);
  expect(second!.all.logitCorrelation).toBeCloseTo(-1, 6);
  expect(second!.groups.map(({ agreement }) => agreement)).toEqual([0.5, 0, 0]);
  expect(alignmentFigures([], labels)).toEqual([]);
});

test("the table has a line for each pair in each group, from all samples to the surest", () => {
  const { columns, rows } = alignmentTable(
    alignmentFigures(
      [
        { title: "before", crm, llm: crm },
        { title: "after", crm, llm: crm },
      ],
      labels,
    ),
  );
  expect(rows.map(([name, pair]) => `${name}, ${pair}`)).toEqual([
    "all samples, before",
    "all samples, after",
    "low confidence, before",
    "low confidence, after",
    "medium confidence, before",
    "medium confidence, after",
    "high confidence, before",
    "high confidence, after",
  ]);
  expect(rows.every(({ length }) => length === columns.length)).toBe(true);
  expect(rows[0]!.slice(2)).toEqual([
    "6",
    "100.0 %",
    "1.000",
    "0.270",
    "0.270",
    "0.01 / 0.55 / 0.99",
    "0.01 / 0.55 / 0.99",
  ]);
});
