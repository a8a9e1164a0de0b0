import fc from "fast-check";
import { expect, test } from "vitest";
import { interpolate, ticks } from "./scales.ts";

test("between two points a line is straight, and beyond its ends there is none", () => {
  const points = [
    [0, 1],
    [0.5, 2],
    [1, 0],
  ] as const;
  expect([0, 0.25, 0.5, 0.75, 1].map((x) => interpolate(points, x))).toEqual([1, 1.5, 2, 1, 0]);
  expect(interpolate(points, -0.1)).toBeUndefined();
  expect(interpolate(points, 1.1)).toBeUndefined();
  expect(interpolate([], 0)).toBeUndefined();
});

test("ticks are round numbers within the range, neither too many nor none", () => {
  expect(ticks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(ticks(0.7812, 0.7996, 5)).toEqual([0.785, 0.79, 0.795]);
  expect(ticks(3, 3, 5)).toEqual([3]);
  fc.assert(
    fc.property(
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
      (low, size) => {
        const found = ticks(low, low + size, 5);
        expect(found.length).toBeGreaterThanOrEqual(1);
        expect(found.length).toBeLessThanOrEqual(6);
        for (const tick of found) {
          expect(tick).toBeGreaterThanOrEqual(low - 1e-6 * Math.abs(low) - size * 1e-6);
          expect(tick).toBeLessThanOrEqual(low + size + 1e-6 * Math.abs(low) + size * 1e-6);
        }
      },
    ),
  );
});
