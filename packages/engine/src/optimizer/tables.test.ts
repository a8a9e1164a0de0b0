import { expect, test } from "vitest";
import { RowGradients } from "./tables.ts";

test("sums the gradients of several lookups per distinct row, without the padding", () => {
  const rows = new RowGradients(2);
  for (let again = 0; again < 2; again++) {
    rows.reset(6);
    rows.add(Int32Array.of(3, 0, 3, 1), Float32Array.of(1, 2, 100, 100, 10, 20, 5, 6), true);
    rows.add(Int32Array.of(1, 4), Float32Array.of(0.5, 0.25, 7, 8), true);
    // In the order of the first lookups: row 3 = [1, 2] + [10, 20], row 1 = [5, 6] + [0.5, 0.25], row 4 once.
    expect([...rows.rows.subarray(0, rows.count)]).toEqual([3, 1, 4]);
    expect([...rows.toDense(5)]).toEqual([0, 0, 5.5, 6.25, 0, 0, 11, 22, 7, 8]);
    expect(rows.squaredNorm()).toBe(5.5 ** 2 + 6.25 ** 2 + 11 ** 2 + 22 ** 2 + 7 ** 2 + 8 ** 2);
    rows.scale(2);
    expect([...rows.toDense(5)]).toEqual([0, 0, 11, 12.5, 0, 0, 22, 44, 14, 16]);
  }
  rows.reset(1);
  rows.add(Int32Array.of(0), Float32Array.of(1, 2), false);
  expect([...rows.toDense(2)]).toEqual([1, 2, 0, 0]);
});
