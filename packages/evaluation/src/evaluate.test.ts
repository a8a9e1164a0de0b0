import { bootstrapDifference, bootstrapMetrics, confidenceGroups, delongTest } from "@corella/metrics";
import { expect, test } from "vitest";
import { confidenceGroupAuc, entropyHistogram, evaluateModels, formatTable } from "./index.ts";
import { sample } from "./sample.test-helper.ts";

const labels = Float32Array.of(1, 0, 1, 0);
const right = { name: "right", probabilities: Float32Array.of(0.9, 0.1, 0.8, 0.2) };
const half = { name: "half", probabilities: Float32Array.of(0.9, 0.1, 0.2, 0.8), shareToLlm: 0.25 };

test("figures that one can work out", () => {
  const { rows, count, positives, baseline } = evaluateModels([right, half], labels, { baseline: "half" });
  expect({ count, positives, baseline }).toEqual({ count: 4, positives: 2, baseline: "half" });
  const [a, b] = rows;
  expect(a!.auc.estimate).toBe(1);
  // Of the four pairs only .2 against .8 is lost.
  expect(b!.auc.estimate).toBe(0.75);
  expect([a!.accuracy.estimate, b!.accuracy.estimate]).toEqual([1, 0.5]);
  expect(a!.logLoss.estimate).toBeCloseTo(-(2 * Math.log(0.9) + 2 * Math.log(0.8)) / 4, 6);
  expect(a!.versusBaseline!.aucDifference.estimate).toBe(0.25);
  expect(a).not.toHaveProperty("shareToLlm");
  expect(b!.shareToLlm).toBe(0.25);
  expect(b).not.toHaveProperty("versusBaseline");
});

test("models are found by their names and shown by their titles", () => {
  const titled = [right, { ...half, title: "One pair lost" }];
  const evaluation = evaluateModels(titled, labels, { samples: 5, baseline: "half" });
  expect(evaluation.rows.map(({ name, title }) => [name, title])).toEqual([
    ["right", "right"],
    ["half", "One pair lost"],
  ]);
  const table = formatTable(evaluation);
  expect(table).toContain("AUC against One pair lost");
  expect(table).not.toMatch(/half/);
  const [group] = confidenceGroupAuc(titled, Float32Array.of(0.1, 0.2, 0.3, 0.4), labels, 1, { samples: 5 });
  expect(group!.models.map(({ name, title }) => [name, title])).toEqual([
    ["right", "right"],
    ["half", "One pair lost"],
  ]);
});

test("every model sees the same resamples, and the same seed the same again", () => {
  const { models, labels: truth } = sample(200);
  const options = { samples: 50, seed: 4, level: 0.9 };
  const evaluation = evaluateModels(models, truth, { ...options, baseline: models[0]!.name });
  expect(evaluateModels(models, truth, { ...options, baseline: models[0]!.name })).toEqual(evaluation);
  expect(evaluation).toMatchObject(options);
  for (const [index, { probabilities }] of models.entries()) {
    const row = evaluation.rows[index]!;
    expect(row).toMatchObject(bootstrapMetrics(probabilities, truth, options));
    if (index === 0) continue;
    const first = models[0]!.probabilities;
    expect(row.versusBaseline).toEqual({
      aucDifference: bootstrapDifference(probabilities, first, truth, options).auc,
      deLongP: delongTest(probabilities, first, truth).pValue,
    });
  }
  const [{ auc } = { auc: undefined }] = evaluateModels(models, truth, { ...options, seed: 5 }).rows;
  expect(auc!.low).not.toBe(evaluation.rows[0]!.auc.low);
});

test("with the users of the samples resamples draw whole users, in every figure", () => {
  const { models, labels: truth, entropy } = sample(200);
  const groups = Int32Array.from(truth, (_, row) => row % 20);
  const options = { samples: 50, seed: 4, level: 0.9, groups };
  const [first, second] = models as [(typeof models)[0], (typeof models)[0]];
  const evaluation = evaluateModels([first, second], truth, { ...options, baseline: first.name });
  expect(evaluation.groupCount).toBe(20);
  expect(evaluation).not.toHaveProperty("groups");
  expect(evaluation.rows[0]).toMatchObject(bootstrapMetrics(first.probabilities, truth, options));
  expect(evaluation.rows[1]!.versusBaseline!.aucDifference).toEqual(
    bootstrapDifference(second.probabilities, first.probabilities, truth, options).auc,
  );
  expect(evaluateModels([first], truth, { samples: 5 })).not.toHaveProperty("groupCount");
  // A group of one in three samples by confidence draws those of its users that it has.
  const [low] = confidenceGroupAuc([first], entropy, truth, 3, options);
  const rows = confidenceGroups(entropy, 3)[2]!;
  const take = (values: Float32Array): Float32Array => Float32Array.from(rows, (row) => values[row]!);
  expect(low!.models[0]!.auc).toEqual(
    bootstrapMetrics(take(first.probabilities), take(truth), {
      ...options,
      groups: Int32Array.from(rows, (row) => groups[row]!),
    }).auc,
  );
});

test("confidence groups go from the least confident to the most", () => {
  const truth = Float32Array.of(1, 0, 1, 0, 1, 0);
  const entropy = Float32Array.of(0.1, 0.2, 0.6, 0.5, 0.3, 0.4);
  const model = { name: "m", probabilities: Float32Array.of(0.9, 0.1, 0.4, 0.6, 0.7, 0.7) };
  const groups = confidenceGroupAuc([model], entropy, truth, 3, { samples: 20 });
  expect(groups.map(({ name, count }) => [name, count])).toEqual([
    ["low", 2],
    ["medium", 2],
    ["high", 2],
  ]);
  // Rows 2 and 3: .4 is the positive's; rows 4 and 5: a tie; rows 0 and 1: .9 against .1
  expect(groups.map(({ models }) => models[0]!.auc.estimate)).toEqual([0, 0.5, 1]);
  expect(groups.map(({ entropyRange }) => entropyRange)).toEqual([
    [Math.fround(0.5), Math.fround(0.6)],
    [Math.fround(0.3), Math.fround(0.4)],
    [Math.fround(0.1), Math.fround(0.2)],
  ]);
});

test("a group's interval is the bootstrap of its rows; other numbers of groups are numbered", () => {
  const { models, labels: truth, entropy } = sample(90);
  const options = { samples: 30, seed: 2 };
  const groups = confidenceGroupAuc(models, entropy, truth, 2, options);
  expect(groups.map(({ name }) => name)).toEqual(["low", "high"]);
  const five = confidenceGroupAuc(models, entropy, truth, 5, options);
  expect(five.map(({ name }) => name)).toEqual(["1 of 5", "2 of 5", "3 of 5", "4 of 5", "5 of 5"]);
  expect(five.reduce((sum, { count }) => sum + count, 0)).toBe(90);
  const whole = confidenceGroupAuc(models, entropy, truth, 1, options);
  expect(whole).toHaveLength(1);
  expect(whole[0]!.name).toBe("all");
  expect(whole[0]!.models[0]!.auc).toEqual(bootstrapMetrics(models[0]!.probabilities, truth, options).auc);
});

test("the histogram counts every sample once and knows what lies above the threshold", () => {
  const log2 = Math.fround(Math.LN2);
  const histogram = entropyHistogram(Float32Array.of(0, 0.1, 0.4, 0.5, log2), 0.4, 2);
  // log 2 / 2 = 0.3466; 0.4 as float32 is more than 0.4
  expect(histogram).toEqual({
    bins: [
      { from: 0, to: Math.LN2 / 2, count: 2, countAboveThreshold: 0 },
      { from: Math.LN2 / 2, to: Math.LN2, count: 3, countAboveThreshold: 3 },
    ],
    count: 5,
    threshold: 0.4,
    shareAboveThreshold: 3 / 5,
  });
  expect(entropyHistogram(Float32Array.of(0.3))).not.toHaveProperty("threshold");
  expect(entropyHistogram(Float32Array.of(0.3)).bins).toHaveLength(40);
  // What `thresholdForShare` gives for all and for none
  expect(entropyHistogram(Float32Array.of(0, log2), -1).shareAboveThreshold).toBe(1);
  expect(entropyHistogram(Float32Array.of(0, log2), log2).shareAboveThreshold).toBe(0);
});

const wrong = { name: "wrong", probabilities: Float32Array.of(0.5, 2, 0.5, 0.5) };

test.each([
  ["no models", () => evaluateModels([], labels), "evaluation/no-models", "models"],
  ["no samples", () => evaluateModels([right], new Float32Array(0)), "evaluation/no-samples", "labels"],
  ["one name twice", () => evaluateModels([right, right], labels), "evaluation/duplicate-model", "models"],
  [
    "a share in percent",
    () => evaluateModels([{ ...right, shareToLlm: 30 }], labels),
    "evaluation/not-a-share",
    "model 'right', shareToLlm",
  ],
  [
    "an unknown baseline",
    () => evaluateModels([right, half], labels, { baseline: "rigth" }),
    "evaluation/unknown-baseline",
    "baseline",
  ],
  [
    "a logit, in the baseline",
    () => evaluateModels([right, wrong], labels, { baseline: "wrong" }),
    "metrics/not-a-probability",
    "model 'wrong', probabilities, row 1",
  ],
  [
    "too many labels",
    () => evaluateModels([right], new Float32Array(5)),
    "metrics/length-mismatch",
    "model 'right', labels",
  ],
  [
    "too few entropies",
    () => confidenceGroupAuc([right], new Float32Array(3), labels),
    "evaluation/length-mismatch",
    "entropy",
  ],
  [
    "too few users",
    () => evaluateModels([right], labels, { groups: new Int32Array(3) }),
    "metrics/length-mismatch",
    "model 'right', groups",
  ],
  [
    "too many users of confidence groups",
    () => confidenceGroupAuc([right], new Float32Array(4), labels, 2, { groups: new Int32Array(5) }),
    "evaluation/length-mismatch",
    "groups",
  ],
  [
    "too many probabilities",
    () => confidenceGroupAuc([right], new Float32Array(3), new Float32Array(3)),
    "evaluation/length-mismatch",
    "model 'right', probabilities",
  ],
  [
    "entropy in bits",
    () => entropyHistogram(Float32Array.of(0.1, 0.9)),
    "evaluation/not-an-entropy",
    "entropy, row 1",
  ],
  [
    "no bins",
    () => entropyHistogram(Float32Array.of(0.1), 0.4, 0),
    "evaluation/bad-argument",
    "entropyHistogram",
  ],
] as const)("%s is a user's mistake with its place", (_, call, code, place) => {
  expect(call).toThrow(expect.objectContaining({ code, place }));
});

test("a misspelt baseline is answered with the nearest name", () => {
  expect(() => evaluateModels([right, half], labels, { baseline: "rigth" })).toThrow(
    expect.objectContaining({ remedy: "Did you mean 'right'? There are: right, half." }),
  );
});

test("GAUC is within users, ECE of probabilities, and the validation part stands beside", () => {
  const users = Int32Array.of(1, 1, 2, 2);
  const validation = {
    models: [{ name: "half", probabilities: Float32Array.of(0.2, 0.8) }],
    labels: Float32Array.of(0, 1),
  };
  const sampledFrom = { count: 9, how: "drawn at random" };
  const evaluation = evaluateModels([right, half], labels, { samples: 5, users, validation, sampledFrom });
  const [first, second] = evaluation.rows;
  // Of `half` the first user is in order and the second is not.
  expect([first!.groupAuc, second!.groupAuc]).toEqual([1, 0.5]);
  expect(first!.calibrationError).toBeCloseTo(0.15, 6);
  expect(first).not.toHaveProperty("validation");
  expect(second!.validation).toMatchObject({ count: 2, auc: { estimate: 1 } });
  const table = formatTable(evaluation);
  expect(table).toMatch(/^model +AUC \[95 %\] +validation +logloss/);
  expect(table).toContain("4 samples of 9, drawn at random, 50.0 % positive");
  expect(table).toMatch(/Further: +validation logloss +GAUC +ECE/);
  expect(() =>
    evaluateModels([right], labels, { validation: { ...validation, labels: Float32Array.of(2, 1) } }),
  ).toThrow(expect.objectContaining({ place: expect.stringContaining("model 'half'") }));
});
