import fc from "fast-check";
import { expect, test } from "vitest";
import { sortRows } from "./sort-rows.ts";

const row = fc.record({
  user: fc.nat(3),
  item: fc.nat(3),
  rating: fc.nat(2),
  // Few distinct times make ties; one far away leaves nearly all rows in one bucket.
  time: fc.oneof(fc.nat(20), fc.double({ min: 0, max: 4e9, noNaN: true })),
  label: fc.nat(1),
});
type Row = { user: number; item: number; rating: number; time: number; label: number };

test("rows are in order of time, user, item, rating and label, and none is lost", () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 1000, size: "max" }), (rows) => {
      const columns = {
        user: Int32Array.from(rows, ({ user }) => user),
        item: Int32Array.from(rows, ({ item }) => item),
        rating: Float32Array.from(rows, ({ rating }) => rating),
        time: Float64Array.from(rows, ({ time }) => time),
        label: Uint8Array.from(rows, ({ label }) => label),
      };
      sortRows(columns);
      const { user, item, rating, time, label } = columns;
      const sorted = rows.map((_, i) => ({
        user: user[i]!,
        item: item[i]!,
        rating: rating[i]!,
        time: time[i]!,
        label: label[i]!,
      }));
      const key = (one: Row): number[] => [one.time, one.user, one.item, one.rating, one.label];
      const expected = rows.toSorted(
        (a, b) =>
          key(a)
            .map((value, i) => value - key(b)[i]!)
            .find((difference) => difference !== 0) ?? 0,
      );
      expect(sorted.map(key)).toEqual(expected.map(key));
    }),
    { numRuns: 20 },
  );
});
