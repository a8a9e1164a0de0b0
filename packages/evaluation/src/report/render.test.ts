import { createGenerator } from "@corella/random";
import { expect, test } from "vitest";
import { confidenceGroupAuc, entropyHistogram, evaluateModels, renderReport, type Report } from "../index.ts";
import { sample, sampleReport } from "../sample.test-helper.ts";

const report = sampleReport(400, 40);
const html = renderReport(report);

test("the same report gives the same bytes, whatever was drawn before", () => {
  expect(renderReport(sampleReport(400, 40))).toBe(html);
});

test("one well-formed file that loads nothing and runs nothing", () => {
  expectWellFormed(html);
  expect(html).not.toMatch(/<(script|link|img|iframe|object|embed|base)\b/);
  expect(html).not.toMatch(/\son\w+=/);
  expect(html).not.toContain("@import");
  expect(html.replaceAll('"http://www.w3.org/2000/svg"', "")).not.toMatch(/https?:|src=|href=/);
  expect([...html.matchAll(/url\(([^)]*)\)/g)].every(([, target]) => target!.startsWith("#"))).toBe(true);
  expect(html).toContain("prefers-color-scheme: dark");
  expect(html).toContain("@media print");
});

test("every part is there: a picture each, with a label and named axes", () => {
  const pictures = html.match(/<svg[\s\S]*?<\/svg>/g)!;
  // intervals, confidence groups, entropy, each also for a telephone, and the curves
  expect(pictures).toHaveLength(2 * 3 + report.curves.length);
  for (const picture of pictures) expect(picture).toMatch(/role="img" aria-label="[^"]{20,}"/);
  const texts = pictures.map((picture) =>
    [...picture.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text),
  );
  expect(texts[0]).toContain("AUC");
  for (const { name } of report.evaluation.rows) expect(texts[0]).toContain(name);
  for (const groups of [texts[2], texts[3]])
    expect(groups).toEqual(
      expect.arrayContaining(["low confidence", "medium confidence", "high confidence"]),
    );
  expect(texts[4]!.join()).toMatch(/threshold 0\.\d{4}: 30\.\d % of the samples go to the LLM/);
  for (const [index, { xLabel, yLabel }] of report.curves.entries()) {
    expect(texts[6 + index]).toEqual(expect.arrayContaining([xLabel, yLabel]));
  }
  for (const { label, value } of report.summary) {
    expect(html).toContain(`<dt>${label}</dt><dd>${value}</dd>`);
  }
  expect(html).toContain("Decision boundaries");
  expect(html).toContain("<summary>Resolved configuration</summary><pre>data:\n  source:");
  expect(html).toContain('<th scope="row">pre-training</th><td data-label="seconds">84.1</td>');
});

test("colours are the style sheet's, and ids are unique and used", () => {
  expect(html.match(/(?:fill|stroke)="#/)).toBeNull();
  const variables = new Set([...html.matchAll(/var\((--[\w-]+)\)/g)].map(([, name]) => name!));
  for (const name of variables) if (name !== "--key") expect(html).toContain(`${name}: #`);
  const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!);
  expect(new Set(ids).size).toBe(ids.length);
  for (const [, target] of html.matchAll(/url\(#([^)]*)\)/g)) expect(ids).toContain(target);
  expect(html).not.toMatch(/zr\d|ecmeta/);
});

test("texts are texts, in HTML and in pictures", () => {
  const evil = `<script>alert(1)</script>"' onload="x" & fill="#0100a0" {a|b} \u0000\u202E\uD800`;
  const { models, labels, entropy } = sample(60);
  const renamed = models.map((model, index) => ({ ...model, name: `${index} ${evil}` }));
  const text = renderReport({
    title: evil,
    subtitle: evil,
    summary: [{ label: evil, value: evil }],
    evaluation: evaluateModels(renamed, labels, { samples: 5, baseline: renamed[0]!.name }),
    baselineNote: evil,
    curves: [{ title: evil, xLabel: evil, yLabel: evil, series: [{ name: evil, points: [[0, 1]] }] }],
    confidenceGroups: confidenceGroupAuc(renamed, entropy, labels, 3, { samples: 5 }),
    details: [
      { heading: evil, text: evil },
      { heading: evil, table: { columns: [evil], rows: [[evil]] } },
    ],
  });
  expectWellFormed(text);
  expect(text).not.toContain("<script");
  expect(text).not.toContain('onload="');
  expect(text).not.toMatch(/[\0\p{Cs}]/u);
  expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39; onload=&quot;x&quot; &amp;");
  // The colour of a picture's ink is no colour in a text.
  expect(text).toContain("fill=&quot;#0100a0&quot;");
});

test("large runs stay below 400 kB", () => {
  const { uniform } = createGenerator(1, "loss");
  const points = Array.from({ length: 5000 }, (_, step): [number, number] => [step, uniform()]);
  const curves = Array.from({ length: 8 }, (_, curve) => ({
    title: `curve ${curve}`,
    xLabel: "step",
    yLabel: "loss",
    series: Array.from({ length: 6 }, (__, series) => ({ name: `series ${series}`, points })),
  }));
  const text = renderReport({ ...report, curves });
  expect(Buffer.byteLength(text)).toBeLessThan(400_000);
  expectWellFormed(text);
});

test("what is missing, empty, alone, infinite or undefined is drawn as far as it can be", () => {
  const labels = new Float32Array(30).fill(1);
  const models = [{ name: "only", probabilities: new Float32Array(30).fill(0.5) }];
  const small: Report = {
    title: "",
    summary: [],
    evaluation: evaluateModels(models, labels, { samples: 5 }),
    curves: [
      { title: "empty", xLabel: "x", yLabel: "y", series: [] },
      { title: "no points", xLabel: "x", yLabel: "y", series: [{ name: "none", points: [] }] },
      {
        title: "diverged",
        xLabel: "x",
        yLabel: "y",
        series: [
          {
            name: "loss",
            points: [
              [1, 2],
              [2, 1e30],
              [3, Infinity],
              [4, Number.NaN],
            ],
          },
        ],
      },
    ],
    confidenceGroups: confidenceGroupAuc(models, new Float32Array(30).fill(Math.LN2), labels, 3, {
      samples: 5,
    }),
    entropyHistogram: entropyHistogram(new Float32Array(0), 0.5),
    details: [],
  };
  const text = renderReport(small);
  expectWellFormed(text);
  expect(text).toContain("loss (2 not finite)");
  expect(text).not.toMatch(/NaN|Infinity|undefined/);
  const least = renderReport({ ...small, curves: [], confidenceGroups: [], entropyHistogram: undefined });
  expect(least.match(/<h2>/g)).toHaveLength(2); // results, and what the words mean
});

/** Every tag is closed where it should be, and every attribute is quoted. */
function expectWellFormed(text: string): void {
  const open: string[] = [];
  const content = text.replace(/^<!doctype html>/, "").replace(/<style>[^<]*<\/style>/g, "");
  expect(content.replace(/<\/?[a-z][\w-]*(?:\s+[\w:-]+="[^"<]*")*\s*\/?>/gi, "")).not.toMatch(/[<>]/);
  for (const [, close, name, selfClosed] of content.matchAll(
    /<(\/?)([a-z][\w-]*)(?:\s+[\w:-]+="[^"<]*")*\s*(\/?)>/gi,
  )) {
    if (close === "/") expect(open.pop()).toBe(name);
    else if (selfClosed === "" && name !== "meta") open.push(name!);
  }
  expect(open).toEqual([]);
}
