import { expect, test } from "vitest";
import { evaluateModels, type RankedSection, renderPage, renderReport } from "../index.ts";

const section: RankedSection = {
  heading: "What <each> says",
  note: "Alone & together.",
  charts: [
    {
      title: "Features",
      xLabel: "AUC",
      base: 0.5,
      digits: 3,
      bars: [
        { label: "item <mean>", value: 0.7, spread: 0.05, remark: "falls" },
        { label: "user", value: 0.6 },
        { label: "worse", value: 0.4 },
        { label: "unknown", value: Number.NaN },
      ],
    },
    { title: "Nothing here", xLabel: "AUC", base: 0, digits: 3, bars: [] },
  ],
};
const page = { title: "t", summary: [], tables: [], charts: [] };
const html = renderPage({ ...page, ranked: section });

/** Left and right end of each bar of the first picture, by their order. */
function barsOf(drawn: string): { left: number; right: number }[] {
  const [picture] = drawn.match(/<svg[\s\S]*?<\/svg>/)!;
  const bars = /<path d="M([\d.]+) [\d.]+l([\d.]+) 0l0 [\d.]+l[^"]*" fill="var\(--series-0\)"/g;
  return [...picture.matchAll(bars)].map(([, x, size]) => ({
    left: Number(x),
    right: Number(x) + Number(size),
  }));
}

test("bars are as long as their distance from the base, and lower ones hang to its left", () => {
  const [first, second, third, ...others] = barsOf(html);
  expect(others).toEqual([]); // what is not a number has no bar
  expect(second!.left).toBeCloseTo(first!.left, 0);
  expect(third!.right).toBeCloseTo(first!.left, 0);
  const length = ({ left, right }: { left: number; right: number }): number => right - left;
  expect(length(first!) / length(second!)).toBeCloseTo(2, 1);
  expect(length(third!)).toBeCloseTo(length(second!), 0);
});

test("all numbers can be read, texts are escaped, and a chart of nothing is left out", () => {
  expect(html).toContain(
    '<th scope="row">item &lt;mean&gt;</th><td data-label="AUC">0.700</td><td data-label="±">0.050</td><td data-label="remark">falls</td>',
  );
  expect(html).toContain('<th scope="row">unknown</th><td data-label="AUC">–</td><td data-label="±">–</td>');
  expect(html).toContain("<h2>What &lt;each&gt; says</h2>");
  expect(html).toContain("Alone &amp; together.");
  expect(html).not.toContain("Nothing here");
  expect(renderPage({ ...page, ranked: section })).toBe(html);
  expect(renderPage({ ...page, ranked: { heading: "None", charts: [] } })).not.toContain("None");
});

test("of many bars the first are drawn, and all are numbers", () => {
  const bars = Array.from({ length: 60 }, (_, i) => ({ label: `f${i}`, value: 1 - i / 100 }));
  const drawn = renderPage({ ...page, ranked: { heading: "h", charts: [{ ...section.charts[0]!, bars }] } });
  expect(barsOf(drawn)).toHaveLength(40);
  expect(drawn).toContain("20 more stand among the numbers");
  expect(drawn).toContain('<th scope="row">f59</th>');
});

test("a report has the section too", () => {
  const evaluation = evaluateModels(
    [{ name: "crm", probabilities: Float32Array.of(0.9, 0.2, 0.6, 0.4) }],
    Float32Array.of(1, 0, 1, 0),
    { samples: 20 },
  );
  const report = renderReport({
    title: "t",
    summary: [],
    evaluation,
    curves: [],
    ranked: section,
    details: [],
  });
  expect(report).toContain("<h2>What &lt;each&gt; says</h2>");
});
