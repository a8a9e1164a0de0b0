import { expect, test } from "vitest";
import {
  evaluateModels,
  evaluateSegments,
  evaluationCsv,
  formatMarkdownTable,
  formatTable,
  moneyPer1000,
  renderReport,
  segmentsCsv,
} from "./index.ts";

const labels = Float32Array.of(1, 0, 1, 0);
const models = [
  {
    name: "crm",
    title: 'CRM, "fast"',
    probabilities: Float32Array.of(0.9, 0.1, 0.2, 0.8),
    cost: { trainingMinutes: 1.25, msPerSample: 0.0213 },
  },
  {
    name: "llm",
    probabilities: Float32Array.of(0.9, 0.1, 0.8, 0.2),
    shareToLlm: 1,
    cost: { msPerSample: 119.7 },
  },
];
const evaluation = evaluateModels(models, labels, { samples: 20, baseline: "crm" });

test("money is the machine's time and the calls of a remote LLM", () => {
  // 1,000 x 36 ms are 36 s, a hundredth of an hour; 300 of 1,000 go to the LLM
  expect(moneyPer1000(36, 0.3, { machineHour: 2 })).toBeCloseTo(0.02, 14);
  expect(moneyPer1000(36, 0.3, { machineHour: 2, llmCall: 0.001 })).toBeCloseTo(0.32, 14);
  expect(() => moneyPer1000(36, 0.3, { machineHour: -1 })).toThrow(
    expect.objectContaining({ code: "evaluation/bad-argument", place: "machineHour" }),
  );
});

test("costs that are known have columns, in every kind of table", () => {
  expect(evaluation.rows.map(({ cost }) => cost)).toEqual(models.map(({ cost }) => cost));
  expect(formatTable(evaluation).split("\n").slice(-3)).toEqual([
    "Further:         ECE  training  ms a sample",
    '  CRM, "fast"  .4500   1.3 min        0.021',
    "  llm          .1500         –          120",
  ]);
  const [header, , first] = formatMarkdownTable(evaluation).split("\n");
  expect(header).toContain("| to LLM | ECE | training | ms a sample | AUC against");
  expect(first).toContain("| – | .4500 | 1.3 min | 0.021 | – |");
  const report = { title: "t", summary: [], evaluation, curves: [], details: [] };
  expect(renderReport(report)).toContain("<th>training</th><th>ms a sample</th></tr>");
  expect(renderReport(report)).toContain(
    '<td data-label="training">1.3 min</td><td data-label="ms a sample">0.021</td>',
  );
  const without = evaluateModels([{ ...models[0]!, cost: undefined }], labels, { samples: 5 });
  expect(formatTable(without)).not.toContain("training");
});

/** Lines of CSV without quotes in the cells that are asked for, by the header's names. */
const column = (csv: string, line: number, name: string): string => {
  const lines = csv.split("\r\n").map((text) => text.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/));
  return lines[line]![lines[0]!.indexOf(name)]!;
};

test("CSV has a line a model, quoted where it must be, with nothing for what is not known", () => {
  const csv = evaluationCsv(evaluation);
  expect(csv.split("\r\n")).toHaveLength(4);
  expect(column(csv, 1, "title")).toBe('"CRM, ""fast"""');
  expect(
    ["auc", "training_minutes", "money_per_1000", "auc_difference", "share_to_llm"].map((name) =>
      column(csv, 1, name),
    ),
  ).toEqual(["0.75", "1.25", "", "", ""]);
  expect(["auc", "auc_difference", "intervals_by", "users"].map((name) => column(csv, 2, name))).toEqual([
    "1",
    "0.25",
    "rows",
    "",
  ]);
  expect(Number(column(csv, 2, "p_value"))).toBe(evaluation.rows[1]!.versusBaseline!.aucDifference.pValue);
});

test("CSV of segments says those of one class too", () => {
  const segments = [
    { name: "all", rows: Uint32Array.of(0, 1, 2, 3) },
    { name: "liked", rows: Uint32Array.of(0, 2) },
  ];
  const groups = Int32Array.of(0, 1, 2, 3);
  const csv = segmentsCsv(
    evaluateSegments(models, labels, segments, { samples: 20, baseline: "crm", groups }),
  );
  expect(csv.trimEnd().split("\r\n")).toHaveLength(4);
  expect([1, 2, 3].map((line) => column(csv, line, "segment"))).toEqual(["all", "all", "liked"]);
  expect([1, 2, 3].map((line) => column(csv, line, "model"))).toEqual(["crm", "llm", ""]);
  expect([1, 2, 3].map((line) => column(csv, line, "auc_difference"))).toEqual(["", "0.25", ""]);
  expect(["count", "positives", "users", "auc"].map((name) => column(csv, 3, name))).toEqual([
    "2",
    "2",
    "2",
    "",
  ]);
  expect(segmentsCsv([])).toBe("");
});
