import { auc, expectedCalibrationError, groupAuc, logLoss } from "@corella/metrics";
import { expect, test } from "vitest";
import {
  ablationVerdict,
  budgetCurve,
  budgetTable,
  evaluateSeeds,
  figureWarnings,
  formatCsv,
  judgedSeeds,
  seedsTable,
  segmentsTable,
  verdict,
} from "./index.ts";

const labels = Float32Array.from({ length: 60 }, (_, row) => (row % 3 === 0 ? 1 : 0));
const users = Int32Array.from(labels, (_, row) => Math.floor(row / 5));
/** Better the larger `skill`; `phase` is the seed. */
const model = (skill: number, phase: number): Float32Array =>
  labels.map((label, row) => 0.5 + 0.3 * (skill * (label - 0.5) + 0.8 * Math.sin(row * 1.7 + phase)));

const crm = { name: "crm", title: "CRM", seeds: [model(0.4, 0), model(0.4, 1)], shareToLlm: 0 };
const both = {
  name: "corella",
  title: "CoReLLa, both",
  seeds: [model(0.9, 0), model(0.9, 1)],
  shareToLlm: 0.3,
};
const constant = { name: "constant", seeds: [new Float32Array(60).fill(1 / 3)] };

test("means, deviations and differences are over seeds; a model without seeds is compared with each", () => {
  const evaluation = evaluateSeeds([constant, crm, both], labels, { baseline: "crm", groups: users });
  const [none, base, better] = evaluation.rows;
  const [a, b] = crm.seeds.map((run) => auc(run, labels));
  expect(base!.auc.mean).toBeCloseTo((a! + b!) / 2, 12);
  expect(base!.auc.deviation).toBeCloseTo(Math.abs(a! - b!) / Math.SQRT2, 12);
  expect(base!.aucDifference).toBeUndefined();
  expect(none!.auc.mean).toBe(0.5);
  expect(none!.auc.deviation).toBeNaN();
  expect(none!.aucDifference!.estimate).toBeCloseTo(0.5 - base!.auc.mean, 12);
  expect(better!.aucDifference!.estimate).toBeCloseTo(better!.auc.mean - base!.auc.mean, 12);
  expect(better!.aucDifference!.low).toBeLessThan(better!.aucDifference!.estimate);
  expect(evaluation).toMatchObject({ count: 60, positives: 20, seeds: 2, baseline: "crm", groupCount: 12 });
  expect(() => evaluateSeeds([crm], labels, { baseline: "crn" })).toThrowError(
    expect.objectContaining({ code: "evaluation/unknown-baseline" }),
  );
});

test("a table says the same to people and to programs", () => {
  const evaluation = evaluateSeeds([constant, crm, both], labels, { baseline: "crm", groups: users });
  const table = seedsTable("table-1", "Table 1", evaluation, "All rows.");
  expect(table.columns).toEqual([
    "model",
    "AUC",
    "logloss",
    "accuracy",
    "to LLM",
    "AUC against CRM",
    "GAUC",
    "ECE",
  ]);
  expect(table.rows.map(([title]) => title)).toEqual(["constant", "CRM", "CoReLLa, both"]);
  expect(table.rows[0]![1]).toBe(".5000");
  expect(table.rows[1]).toContain("");
  expect(table.rows[1]![1]).toMatch(/^\.\d{4} ± \.\d{4}$/);
  expect(table.note).toContain("2 seeds; 60 samples, 33.3 % positive");
  expect(table.note).toContain("users (12) and seeds");
  expect(table.note).toMatch(/All rows\.$/);
  const csv = formatCsv(table).split("\n");
  expect(csv).toHaveLength(5);
  expect(csv[0]).toMatch(/^model,title,auc,aucDeviation,/);
  expect(csv[1]).toContain("constant,constant,0.5,,");
  expect(csv[3]).toContain('corella,"CoReLLa, both",');
});

test("GAUC, ECE and the validation part stand beside, of each seed's own samples of it", () => {
  const parts = crm.seeds.map((run, seed) => ({
    probabilities: run.slice(0, 30 + 15 * seed),
    labels: labels.slice(0, 30 + 15 * seed),
  }));
  const evaluation = evaluateSeeds([constant, { ...crm, validation: parts }], labels, { users });
  const [none, row] = evaluation.rows;
  const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / 2;
  expect(row!.validation!.auc.mean).toBe(mean(parts.map((part) => auc(part.probabilities, part.labels))));
  expect(row!.validation!.logLoss.mean).toBe(
    mean(parts.map((part) => logLoss(part.probabilities, part.labels))),
  );
  expect(row!.groupAuc!.mean).toBe(mean(crm.seeds.map((run) => groupAuc(run, labels, users))));
  expect(row!.calibrationError.mean).toBe(
    mean(crm.seeds.map((run) => expectedCalibrationError(run, labels))),
  );
  expect(none!.validation).toBeUndefined();
  const table = seedsTable("t", "T", evaluation);
  expect(table.columns).toEqual([
    "model",
    "AUC",
    "validation",
    "logloss",
    "accuracy",
    "GAUC",
    "ECE",
    "validation logloss",
  ]);
  expect(table.records[0]).toMatchObject({ validationAuc: null, validationLogLossDeviation: null });
  expect(table.records[1]).toMatchObject({ validationAuc: row!.validation!.auc.mean });
});

test("figures over seeds are judged as those of one: worse than a constant, far from validation, better than the CRM", () => {
  const wrong = {
    ...both,
    name: "wrong",
    title: "Wrong",
    seeds: both.seeds.map((run) => run.map((p) => 1 - p)),
  };
  const validation = both.seeds.map((probabilities) => ({ probabilities, labels, groups: users }));
  const models = [{ ...constant, isSimple: true }, crm, both, { ...wrong, validation }];
  const options = { groups: users };
  const evaluation = evaluateSeeds(models, labels, { ...options, baseline: "crm" });
  const judged = judgedSeeds(evaluation, models, labels, options);
  expect(judged.rows[2]!.auc.estimate).toBeCloseTo(evaluation.rows[2]!.auc.mean, 12);
  expect(judged.rows[2]!.auc.low).toBeLessThan(judged.rows[2]!.auc.estimate);
  const warned = figureWarnings(judged, "test part", "wrong").map(({ message }) => message);
  expect(warned[0]).toMatch(/Wrong \(.*\) (is|are) worse than a constant on the test part/);
  expect(
    warned.some((message) => message.startsWith("Validation and test part are far apart: of Wrong")),
  ).toBe(true);
  expect(verdict(judged, "corella", false)).toMatch(/^CoReLLa is better than the CRM alone/);
  expect(verdict(judged, "wrong", false)).toMatch(/^CoReLLa is worse .*Next: serve the CRM alone/);
  expect(verdict(judged, "crm", false)).toMatch(
    /^CRM has an AUC of .* on the best that needs no model \(constant, /,
  );
});

test("what is left out of the whole is needed, does harm, or cannot be told", () => {
  const options = { groups: users };
  const same = { ...both, name: "same", title: "w/o same" };
  const ofBoth = evaluateSeeds([both, crm, same], labels, { ...options, baseline: "corella" });
  expect(ablationVerdict(ofBoth)).toMatch(
    /^Worse than CoReLLa, both by AUC: CRM \(−\d.*\)\. Not to be told from CoReLLa, both by these samples: w\/o same \(0\.0000\)\.$/,
  );
  expect(ablationVerdict(evaluateSeeds([crm, both], labels, { ...options, baseline: "crm" }))).toContain(
    "does harm: CoReLLa, both (+",
  );
});

test("of one class no AUC compares, and that is said", () => {
  const none = new Float32Array(60);
  const evaluation = evaluateSeeds([crm, both], none, { baseline: "crm" });
  const judged = judgedSeeds(evaluation, [crm, both], none);
  expect(verdict(judged, "corella", false)).toBe(
    "All samples are of one class: no AUC says which model is better.",
  );
  expect(ablationVerdict(evaluation)).toBe("");
  const { columns, rows } = seedsTable("t", "T", evaluation);
  expect(rows[1]![columns.indexOf("AUC against CRM")]).toBe("–");
});

test("segments stand below each other, also where there is no AUC", () => {
  const part = (positions: number[]) => {
    const select = (values: Float32Array): Float32Array => Float32Array.from(positions, (at) => values[at]!);
    const models = [crm, both].map((one) => ({ ...one, seeds: one.seeds.map(select) }));
    return evaluateSeeds(models, select(labels), { baseline: "crm" });
  };
  const segments = [
    { title: "some", evaluation: part([0, 1, 2, 3, 4, 5]) },
    { title: "all negative", evaluation: part([1, 2, 4]) },
  ];
  const { rows, records } = segmentsTable("segments", "Segments", segments, "");
  expect(rows.map(([title, count]) => [title, count])).toEqual([
    ["some", "6"],
    ["all negative", "3"],
  ]);
  expect(rows[1]![2]).toBe("–");
  expect(records).toHaveLength(4);
});

test("a budget of nothing is the CRM, and of everything the LLM", () => {
  const llm = both.seeds[0]!;
  const answers = { crm: crm.seeds[0]!, llm, labels };
  const points = budgetCurve([{ validation: answers, test: answers }]);
  expect(points.map(({ share }) => share)).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
  const [first, last] = [points[0]!, points.at(-1)!];
  expect(first.shareToLlm).toBe(0);
  expect(first.replacing.auc.mean).toBe(auc(answers.crm, labels));
  expect(first.adding.logLoss.mean).toBe(logLoss(answers.crm, labels));
  expect(last.shareToLlm).toBe(1);
  expect(last.replacing.auc.mean).toBeCloseTo(auc(llm, labels), 12);
  for (const [at, { shareToLlm }] of points.entries())
    expect(shareToLlm).toBeGreaterThanOrEqual(points[at - 1]?.shareToLlm ?? 0);
  expect(budgetTable("budget", "Budget", points, "").rows[10]!.slice(0, 2)).toEqual(["100.0 %", "100.0 %"]);
});
