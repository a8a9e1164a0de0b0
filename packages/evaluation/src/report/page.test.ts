import { expect, test } from "vitest";
import { type Page, renderPage } from "../index.ts";

const page: Page = {
  title: "data: <one>",
  summary: [{ label: "rows", value: "7" }],
  tables: [{ heading: "Parts & more", table: { columns: ["", "train"], rows: [["samples", "7"]] } }],
  charts: [
    {
      title: "Rows by <year>",
      note: "Both kinds.",
      xLabel: "year",
      yLabel: "rows",
      series: ["positive", "negative"],
      bars: [
        { label: "1999", values: [1200, 300] },
        { label: "2000", values: [0, 0] },
        { label: "2001", values: [5, 0] },
      ],
    },
    { title: "Nothing", xLabel: "x", yLabel: "y", series: ["y"], bars: [] },
  ],
};
const html = renderPage(page);

test("the same page gives the same bytes, loads nothing and runs nothing", () => {
  expect(renderPage(page)).toBe(html);
  expect(html).not.toMatch(/<(script|link|img|iframe|object|embed|base)\b/);
  expect(html.replaceAll('"http://www.w3.org/2000/svg"', "")).not.toMatch(/https?:|src=|href=/);
});

test("texts are escaped", () => {
  expect(html).toContain("<title>data: &lt;one&gt;</title>");
  expect(html).toContain("<h3>Rows by &lt;year&gt;</h3>");
  expect(html).toContain("<h2>Parts &amp; more</h2>");
  expect(html).not.toContain("<one>");
});

test("a bar is as high as its value, those of a place stand on each other, and all numbers can be read", () => {
  const [picture] = html.match(/<svg[\s\S]*?<\/svg>/)!;
  // M x y, then relative lines: to the right, down by the height, to the left.
  const bars = /<path d="M[\d.]+ ([\d.]+)l[\d.]+ 0l0 ([\d.]+)l[^"]*" fill="var\(--series-(\d)\)"/g;
  const heights = [...picture.matchAll(bars)].map(([, top, height, series]) => ({
    series,
    top: Number(top),
    bottom: Number(top) + Number(height),
  }));
  expect(heights.map(({ series }) => series)).toEqual(["0", "1", "0"]);
  const [positive, negative] = heights;
  expect(negative!.bottom).toBeCloseTo(positive!.top, 0);
  const height = ({ top, bottom }: { top: number; bottom: number }): number => bottom - top;
  expect(height(positive!) / height(negative!)).toBeCloseTo(4, 0);
  expect(html).toContain(
    '<th scope="row">1999</th><td data-label="positive">1,200</td><td data-label="negative">300</td>',
  );
  expect(picture).toContain(">1999<");
});

test("curves stand among the pictures, with their names", () => {
  const points = [
    [1, 0.7],
    [2, 0.8],
  ] as const;
  const curve = {
    title: "AUC <by> epoch",
    xLabel: "epoch",
    yLabel: "AUC",
    series: [{ name: "trial 1", points }],
  };
  const drawn = renderPage({ ...page, curves: [curve] });
  expect(drawn.match(/<svg/g)).toHaveLength(html.match(/<svg/g)!.length + 1);
  expect(drawn).toContain("<h3>AUC &lt;by&gt; epoch</h3>");
  expect(drawn).toContain("<span>trial 1</span>");
});

test("details unfold at the end", () => {
  const drawn = renderPage({ ...page, details: [{ heading: "Configuration", text: "a: <b>" }] });
  expect(drawn).toContain("<details><summary>Configuration</summary><pre>a: &lt;b&gt;</pre></details>");
});
