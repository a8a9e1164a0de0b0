import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batches } from "./batches.ts";

const rowsOf = (size: number): Uint32Array => Uint32Array.from({ length: size }, (_, row) => row * 3);
const join = (parts: Iterable<Uint32Array>): number[] => [...parts].flatMap((part) => [...part]);

describe("batches", () => {
  test("hold every row once, in an order that seed and epoch decide", () => {
    fc.assert(
      fc.property(
        fc.nat(200),
        fc.integer({ min: 1, max: 50 }),
        fc.integer(),
        fc.nat(9),
        (size, batchSize, shuffleSeed, epoch) => {
          const rows = rowsOf(size);
          const order = join(batches(rows, batchSize, { shuffleSeed, epoch }));
          expect(order.toSorted((a, b) => a - b)).toEqual([...rows]);
          expect(join(batches(rows, batchSize, { shuffleSeed, epoch }))).toEqual(order);
          expect(join(batches(rows, batchSize))).toEqual([...rows]);
        },
      ),
    );
  });

  test("resume at any batch as if never interrupted", () => {
    const options = { shuffleSeed: 7, epoch: 2 };
    const whole = [...batches(rowsOf(103), 10, options)];
    expect(whole).toHaveLength(11);
    for (let startBatch = 0; startBatch <= 11; startBatch++) {
      expect([...batches(rowsOf(103), 10, { ...options, startBatch })]).toEqual(whole.slice(startBatch));
    }
  });

  test("differ by epoch and by seed", () => {
    const orders = [
      [1, 0],
      [1, 1],
      [2, 0],
      [2 ** 40 + 1, 0],
    ].map(([shuffleSeed, epoch]) => join(batches(rowsOf(50), 50, { shuffleSeed, epoch })).join());
    expect(new Set(orders).size).toBe(4);
  });

  test("shuffle without favour: each of the 24 orders of 4 rows about equally often", () => {
    const counts = new Map<string, number>();
    const draws = 24_000;
    for (let seed = 0; seed < draws; seed++) {
      const order = join(batches([0, 1, 2, 3], 4, { shuffleSeed: seed })).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    // Pearson's chi-squared with 23 degrees of freedom exceeds 49.7 with probability 0.001.
    const expected = draws / 24;
    const chiSquared = [...counts.values()].reduce(
      (sum, count) => sum + (count - expected) ** 2 / expected,
      0,
    );
    expect(counts.size).toBe(24);
    expect(chiSquared).toBeLessThan(49.7);
  });

  test("refuse a size of zero", () => {
    expect(() => [...batches([1], 0)]).toThrow(expect.objectContaining({ code: "data/bad-batch-size" }));
  });
});
