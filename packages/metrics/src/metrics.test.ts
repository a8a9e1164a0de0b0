import fc from "fast-check";
import { expect, test } from "vitest";
import { scoredRows } from "./arbitraries.test-helper.ts";
import {
  accuracy,
  auc,
  calibrationCurve,
  confidenceGroups,
  expectedCalibrationError,
  groupAuc,
  logLoss,
  summary,
} from "./index.ts";

/** The definition: over all pairs of a positive and a negative row. */
function aucByPairs(scores: number[], labels: number[]): number {
  let wins = 0;
  let pairs = 0;
  for (const [i, a] of scores.entries()) {
    for (const [j, b] of scores.entries()) {
      if (labels[i] !== 1 || labels[j] !== 0) continue;
      pairs += 1;
      wins += a > b ? 1 : a === b ? 0.5 : 0;
    }
  }
  return wins / pairs;
}

test("AUC of hand-counted pairs", () => {
  // Positives .9 .4 .4, negatives .4 .1: .9 wins twice, each .4 ties once and wins once: (2 + 1.5 + 1.5) / 6
  expect(auc([0.9, 0.4, 0.4, 0.4, 0.1], [1, 1, 1, 0, 0])).toBe(5 / 6);
  expect(auc(Float32Array.of(-1, 2), Uint8Array.of(0, 1))).toBe(1);
  expect(auc([-Infinity, Infinity, Infinity], [0, 1, 0])).toBe(0.75);
  expect(auc([0, -0], [0, 1])).toBe(0.5);
});

test("AUC without both classes is NaN", () => {
  expect(auc([0.1, 0.2], [1, 1])).toBeNaN();
  expect(auc([], [])).toBeNaN();
});

test("AUC is its definition over pairs, unmoved by order and by monotone transforms", () => {
  fc.assert(
    fc.property(scoredRows(), fc.integer(), ({ a, labels }, shift) => {
      const value = auc(a, labels);
      expect(value).toBe(aucByPairs(a, labels));
      expect(auc(a.toReversed(), labels.toReversed())).toBe(value);
      const turn = a.length === 0 ? 0 : shift % a.length;
      const turned = <Item>(items: Item[]): Item[] => [...items.slice(turn), ...items.slice(0, turn)];
      expect(auc(turned(a), turned(labels))).toBe(value);
      expect(
        auc(
          a.map((score) => 4 * score),
          labels,
        ),
      ).toBe(value);
      if (!Number.isNaN(value))
        expect(
          auc(
            a.map((score) => -score),
            labels,
          ),
        ).toBeCloseTo(1 - value, 14);
    }),
  );
});

test("GAUC weights the groups that have both classes by their rows", () => {
  const scores = [0.9, 0.1, 0.2, 0.8, 0.5, 0.5, 0.3];
  const labels = [1, 0, 1, 0, 0, 1, 1];
  const users = ["u", "u", "v", "v", "v", "w", "w"];
  // u: AUC 1 of 2 rows; v: AUC 0 of 3 rows; w has one class only
  expect(groupAuc(scores, labels, users)).toBe(2 / 5);
  expect(groupAuc([0.5], [1], [7])).toBeNaN();
  fc.assert(
    fc.property(scoredRows(), ({ a, labels: drawn }) => {
      const whole = auc(a, drawn);
      const oneGroup = groupAuc(a, drawn, new Int32Array(a.length));
      if (Number.isNaN(whole)) expect(oneGroup).toBeNaN();
      else expect(oneGroup).toBeCloseTo(whole, 14);
    }),
  );
});

// scikit-learn 1.9.1 on p, y: roc_auc_score, log_loss, and accuracy_score(y, p >= .5)
const p = [0.1, 0.4, 0.35, 0.8, 0.35, 1, 0, 0.5];
const y = [0, 0, 1, 1, 0, 1, 1, 0];

test("the summary agrees with scikit-learn", () => {
  const row = summary(p, y);
  expect(row).toMatchObject({ auc: 0.59375, accuracy: 0.625, count: 8, positives: 4 });
  expect(row.logLoss).toBeCloseTo(4.882091912625782, 13);
  expect({ auc: auc(p, y), logLoss: logLoss(p, y), accuracy: accuracy(p, y) }).toEqual({
    auc: row.auc,
    logLoss: row.logLoss,
    accuracy: row.accuracy,
  });
});

test("logloss is clipped at the float64 epsilon, and accuracy counts the threshold as positive", () => {
  expect(logLoss([1], [0])).toBeCloseTo(52 * Math.LN2, 12);
  expect(logLoss([0], [1])).toBeCloseTo(52 * Math.LN2, 12);
  expect(logLoss([0.5, 0.5], [0, 1])).toBe(Math.LN2);
  expect(accuracy([0.5], [1])).toBe(1);
  expect(accuracy([0.5, 0.2], [0, 1], 0.2)).toBe(0.5);
});

test("calibration: the bins and the error of a small example", () => {
  const curve = calibrationCurve([0.1, 0.2, 0.5, 1], [0, 1, 1, 1], 2);
  expect(curve.map((bin) => bin.count)).toEqual([2, 2]);
  expect(curve[0]!.meanProbability).toBeCloseTo(0.15, 15);
  expect(curve[1]).toMatchObject({ meanProbability: 0.75, positiveRate: 1 });
  // (2 |.15 - .5| + 2 |.75 - 1|) / 4
  expect(expectedCalibrationError([0.1, 0.2, 0.5, 1], [0, 1, 1, 1], 2)).toBeCloseTo(0.3, 15);
  expect(expectedCalibrationError([0, 1, 1], [0, 1, 1])).toBe(0);
});

test("calibration: a probability on the edge of a bin is in the bin above, also where its product is a little too small", () => {
  // .29, .57 and .58 times 100 are below 29, 57 and 58.
  const curve = calibrationCurve([0.29, 0.57, 0.58], [0, 1, 1], 100);
  expect(curve.flatMap(({ count }, bin) => (count > 0 ? [bin] : []))).toEqual([29, 57, 58]);
});

test("confidence groups are equal, ordered and whole", () => {
  expect(confidenceGroups([0.3, 0.1, 0.2, 0.6, 0.5, 0.4]).map((rows) => [...rows])).toEqual([
    [1, 2],
    [0, 5],
    [3, 4],
  ]);
  expect(confidenceGroups([1, 1, 1, 1], 3).map((rows) => [...rows])).toEqual([[0], [1], [2, 3]]);
  fc.assert(
    fc.property(scoredRows(), fc.integer({ min: 1, max: 5 }), ({ a }, count) => {
      const groups = confidenceGroups(a, count);
      expect(groups).toHaveLength(count);
      expect(groups.flatMap((rows) => [...rows]).sort((x, z) => x - z)).toEqual(a.map((_, row) => row));
      const sizes = groups.map((rows) => rows.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      for (const [g, rows] of groups.entries()) {
        const highest = Math.max(...Array.from(rows, (row) => a[row]!));
        for (const row of groups[g + 1] ?? []) expect(a[row]).toBeGreaterThanOrEqual(highest);
      }
    }),
  );
});

test.each([
  ["a NaN score", () => auc([Number.NaN, 1], [0, 1]), "not-a-number", "scores, row 0"],
  ["a rating as a label", () => auc([0.5, 0.1], [0, 4]), "bad-label", "labels, row 1"],
  ["a NaN label", () => auc([0.5], [Number.NaN]), "bad-label", "labels, row 0"],
  ["too few labels", () => auc([0.5, 0.1], [0]), "length-mismatch", "labels"],
  ["a logit as a probability", () => logLoss([1.5], [0]), "not-a-probability", "probabilities, row 0"],
  ["a NaN probability", () => summary([Number.NaN], [0]), "not-a-probability", "probabilities, row 0"],
  ["no bins", () => expectedCalibrationError([], [], 0), "bad-argument", "bins"],
] as const)("%s is a user's mistake", (_, call, code, place) => {
  expect(call).toThrow(expect.objectContaining({ code: `metrics/${code}`, place }));
});

test("the pairs of a million rows, more than 32 bits count, are counted exactly", () => {
  const rows = 1_000_000;
  const scores = Float32Array.from({ length: rows }, (_, i) => i / rows);
  // All positives but the first row are above all negatives: it loses against each of them.
  const labels = Uint8Array.from(scores, (_, i) => (i === 0 || i > rows / 2 ? 1 : 0));
  expect(auc(scores, labels)).toBe((rows / 2 - 1) / (rows / 2));
});
