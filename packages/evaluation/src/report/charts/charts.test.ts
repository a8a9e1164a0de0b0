import fc from "fast-check";
import { expect, test } from "vitest";
import { curveLine } from "./curves.ts";
import { downsample, runningMean, type Point } from "./downsample.ts";
import { niceScale } from "./scale.ts";

test("scales by hand", () => {
  const scale = niceScale([0.7121, 0.7934], 5);
  // A fifth of .0813 is .0163, so .02
  expect(scale).toMatchObject({ min: 0.7, max: 0.8, interval: 0.02 });
  expect([0.7, 0.78].map(scale.format)).toEqual(["0.70", "0.78"]);
  const steps = niceScale([0, 23_400], 6);
  expect(steps).toMatchObject({ min: 0, max: 25_000, interval: 5000 });
  expect([0, 15_000].map(steps.format)).toEqual(["0", "15k"]);
  expect(niceScale([-0.3, 0.2], 5).format(-0.2)).toBe("−0.2");
  expect(niceScale([], 4)).toMatchObject({ min: 0, max: 1 });
  expect(niceScale([Number.NaN, 5, Infinity], 4)).toMatchObject({ min: 4.5, max: 5.5, interval: 0.5 });
});

test("a scale holds its values with a handful of ticks", () => {
  const value = fc
    .double({ min: -1e30, max: 1e30, noNaN: true })
    .filter((x) => x === 0 || Math.abs(x) > 1e-30);
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 5 }), (values) => {
      const { min, max, interval } = niceScale(values, 5);
      const margin = interval * 1e-6;
      expect(min - margin).toBeLessThanOrEqual(Math.min(...values));
      expect(max + margin).toBeGreaterThanOrEqual(Math.max(...values));
      expect((max - min) / interval).toBeLessThanOrEqual(7.001);
      expect(max).toBeGreaterThan(min);
    }),
  );
});

test("thinning keeps the ends, the order and the peak", () => {
  const points = Array.from({ length: 1000 }, (_, x): Point => [x, x === 500 ? 9 : Math.sin(x)]);
  const kept = downsample(points, 50);
  expect(kept).toHaveLength(50);
  expect([kept[0], kept.at(-1)]).toEqual([points[0], points.at(-1)]);
  expect(kept).toContainEqual([500, 9]);
  expect(kept.every((point, i) => i === 0 || kept[i - 1]![0] < point[0])).toBe(true);
  expect(downsample(points.slice(0, 50), 50)).toHaveLength(50);
  expect(downsample(points.slice(0, 51), 50)).toHaveLength(50);
});

test("a running mean has fewer points at the ends", () => {
  const points = [1, 2, 6, 4, 10].map((y, x): Point => [x, y]);
  expect(runningMean(points, 1).map(([, y]) => y)).toEqual([1.5, 3, 4, 20 / 3, 7]);
});

test("only long series have a mean, and infinite points are counted out", () => {
  const points = Array.from({ length: 2000 }, (_, x): Point => [x, x === 7 ? Number.NaN : 1]);
  const long = curveLine({ name: "loss", points }, 500);
  expect(long.points).toHaveLength(500);
  expect(long.mean).toHaveLength(150);
  expect(long.leftOut).toBe(1);
  expect(curveLine({ name: "auc", points: points.slice(8, 20) }, 500).mean).toBeUndefined();
});
