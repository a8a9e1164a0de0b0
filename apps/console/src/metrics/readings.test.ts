import { expect, test } from "vitest";
import { parsePrometheus } from "./prometheus.ts";
import { buckets, increase, labelValues, quantile, rate, valueOf, type Reading } from "./readings.ts";

const reading = (at: number, text: string): Reading => ({ at, samples: parsePrometheus(text) });

const first = reading(
  10,
  `requests{status="200",m="a"} 5\nrequests{status="500",m="a"} 1\nqueue{lane="crm"} 3\n`,
);
const later = reading(
  14,
  `requests{m="a",status="200"} 25\nrequests{status="500",m="a"} 1\nrequests{status="429",m="b"} 4\nqueue{lane="crm"} 7\nqueue{lane="llm"} 2\n`,
);

test("values are summed over the labels that are not asked for", () => {
  expect(valueOf(later, "queue")).toBe(9);
  expect(valueOf(later, "queue", { lane: "llm" })).toBe(2);
  expect(valueOf(first, "queue", { lane: "llm" })).toBeUndefined();
  expect(labelValues(later, "queue", "lane")).toEqual(["crm", "llm"]);
});

test("rates are what counters grew by in a second, one that appears from zero", () => {
  expect(increase(first, later, "requests")).toBe(24);
  expect(rate(first, later, "requests")).toBe(6);
  expect(rate(first, later, "requests", { status: "429" })).toBe(1);
  expect(rate(first, later, "requests", { status: "500" })).toBe(0);
  expect(rate(first, later, "none")).toBeUndefined();
  expect(rate(later, later, "requests")).toBeUndefined();
});

test("a counter that began again counts from zero", () => {
  expect(increase(later, reading(20, 'requests{status="200",m="a"} 2\n'), "requests")).toBe(2);
});

test("quantiles lie where the buckets that filled since say", () => {
  const text = (counts: readonly number[]): string =>
    ["0.1", "0.5", "+Inf"].map((le, i) => `s_bucket{e="x",le="${le}"} ${counts[i]!}\n`).join("");
  const filled = buckets(reading(0, text([10, 10, 10])), reading(1, text([14, 20, 20])), "s", { e: "x" });
  expect(filled).toEqual([
    { le: 0.1, count: 4 },
    { le: 0.5, count: 6 },
    { le: Infinity, count: 0 },
  ]);
  // The fifth of ten: a sixth of the way through the second bucket.
  expect(quantile(filled, 0.5)).toBeCloseTo(0.1 + 0.4 / 6, 12);
  expect(quantile(filled, 0.2)).toBeCloseTo(0.05, 12);
  expect(quantile(filled, 1)).toBeCloseTo(0.5, 12);
  // Of what is above all bounds only the last bound is known.
  expect(
    quantile(
      [
        { le: 0.1, count: 0 },
        { le: Infinity, count: 3 },
      ],
      0.5,
    ),
  ).toBe(0.1);
  expect(quantile([{ le: 0.1, count: 0 }], 0.5)).toBeUndefined();
  expect(quantile([], 0.5)).toBeUndefined();
});
