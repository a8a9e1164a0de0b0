import { bootstrapDifference, bootstrapMetrics } from "@corella/metrics";
import { expect, test } from "vitest";
import { evaluateModels, evaluateSegments, formatSegments, renderReport, type Report } from "./index.ts";
import { sample } from "./sample.test-helper.ts";

const { models, labels } = sample(120);
const [crm, served] = [models[0]!, models[4]!];
const groups = Int32Array.from(labels, (_, row) => row % 12);
const options = { samples: 40, seed: 3, baseline: crm.name, groups };
const positions = (keep: (row: number) => boolean): Uint32Array =>
  Uint32Array.from(labels.keys()).filter((row) => keep(row));
const segments = [
  { name: "new users", rows: positions((row) => row % 12 < 5) },
  { name: "<liked>", rows: positions((row) => labels[row] === 1) },
  { name: "disliked", rows: positions((row) => labels[row] === 0) },
  { name: "one user", rows: positions((row) => row % 12 === 7) },
  { name: "nobody", rows: new Uint32Array(0) },
];
const figures = evaluateSegments([crm, served], labels, segments, options);

test("a segment's figures are those of its rows alone, with resamples of its own users", () => {
  const { rows } = segments[0]!;
  const take = (values: Float32Array): Float32Array => Float32Array.from(rows, (row) => values[row]!);
  const own = { samples: 40, seed: 3, groups: Int32Array.from(rows, (row) => groups[row]!) };
  const [a, b] = [take(served.probabilities), take(crm.probabilities)];
  expect(figures[0]).toEqual({
    name: "new users",
    count: 50,
    positives: take(labels).reduce((sum, label) => sum + label, 0),
    groupCount: 5,
    models: [
      { name: crm.name, title: crm.name, auc: bootstrapMetrics(b, take(labels), own).auc },
      {
        name: served.name,
        title: served.name,
        auc: bootstrapMetrics(a, take(labels), own).auc,
        versusBaseline: bootstrapDifference(a, b, take(labels), own).auc,
      },
    ],
  });
  const byRows = evaluateSegments([crm], labels, segments.slice(0, 1), { samples: 5 });
  expect(byRows[0]).not.toHaveProperty("groupCount");
  expect(byRows[0]!.models[0]).not.toHaveProperty("versusBaseline");
});

test("one class, or nothing, is said; one user has figures without an interval", () => {
  expect(figures.slice(1).map(({ models: rows }) => rows.length)).toEqual([0, 0, 2, 0]);
  expect(figures[3]!.models[0]!.auc).toMatchObject({ low: Number.NaN, high: Number.NaN });
  const evaluation = evaluateModels([crm, served], labels, options);
  const lines = formatSegments(figures, evaluation).split("\n");
  expect(lines[0]).toBe(`AUC by segment: ${served.name}, against ${crm.name}`);
  expect(lines[1]).toMatch(/^ +samples +positive +baseline +AUC +difference \[95 %\]$/);
  expect(lines[3]).toMatch(/^new users +50 +\d\d\.\d % +\.\d{4} +\.\d{4} +[+−]?0\.\d{4} \[.*\]$/);
  expect(lines[4]).toMatch(/^<liked> +\d+ +100\.0 % +all positive: no AUC$/);
  expect(lines[5]).toMatch(/^disliked +\d+ +0\.0 % +all negative: no AUC$/);
  expect(lines[6]).toMatch(/^one user .*\[–, –\]$/);
  expect(lines[7]).toMatch(/^nobody +0 +– +no samples$/);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(110);
  const alone = formatSegments(figures, evaluateModels([crm], labels, { samples: 5 }));
  expect(alone.split("\n")[1]).toMatch(/^ +samples +positive +AUC \[95 %\]$/);
});

test("the report has a table of all models and a picture of the last one's differences", () => {
  const report: Report = {
    title: "t",
    summary: [],
    evaluation: evaluateModels([crm, served], labels, options),
    curves: [],
    segments: figures,
    details: [],
  };
  const html = renderReport(report);
  expect(html).toContain("<h2>By segment</h2>");
  expect(html).toContain("difference in AUC with its interval. new users: ");
  expect(html).toContain('<th scope="row">&lt;liked&gt;</th>');
  expect(html).toMatch(/>all positive: no AUC<\/td><td data-label="[^"]+">–</);
  expect(html).not.toMatch(/NaN|undefined/);
  expect(renderReport({ ...report, segments: [] })).not.toContain("By segment");
  const ofNone = renderReport({ ...report, segments: figures.slice(1, 3) });
  expect(ofNone).toContain("By segment");
  expect(ofNone).not.toContain("difference in AUC with");
});

test("models and baselines are checked as for an evaluation", () => {
  expect(() => evaluateSegments([], labels, segments)).toThrow(
    expect.objectContaining({ code: "evaluation/no-models" }),
  );
  expect(() => evaluateSegments([crm], labels, segments, { baseline: "crn" })).toThrow(
    expect.objectContaining({ code: "evaluation/unknown-baseline" }),
  );
});
