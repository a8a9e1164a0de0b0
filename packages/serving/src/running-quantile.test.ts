import fc from "fast-check";
import { expect, test } from "vitest";
import { createRunningQuantile } from "./running-quantile.ts";

test("property: the quantile is that of the latest numbers, sorted anew", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (values, window, share) => {
        const quantile = createRunningQuantile(window);
        for (const value of values) quantile.add(value);
        const latest = values.slice(-window).toSorted((a, b) => a - b);
        const count = Math.max(1, latest.length - Math.ceil(latest.length * (1 - share)));
        expect(quantile.size).toBe(latest.length);
        expect(quantile.upper(share)).toBe(latest[latest.length - count]);
      },
    ),
  );
});
