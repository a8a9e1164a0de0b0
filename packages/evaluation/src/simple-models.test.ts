import { expect, test } from "vitest";
import { simpleModels } from "./index.ts";

// Items 0, 0, 0, 1 and users 0, 1, 1, 1 in training; then one of each that is known, and one that is new.
const rows = {
  user: [0, 1, 1, 1, 0, 2],
  item: [0, 0, 0, 1, 0, 2],
  label: [1, 1, 0, 0, 1, 1],
};
const train = [0, 1, 2, 3];

test("means are of the training rows, shrunk by five events of the mean of all", () => {
  const models = simpleModels(rows, train, [4, 5]);
  const said = Object.fromEntries(models.map(({ name, probabilities }) => [name, [...probabilities]]));
  expect(said["constant"]).toEqual([0.5, 0.5]);
  const ofItem = (2 + 2.5) / (3 + 5);
  const ofUser = (1 + 2.5) / (1 + 5);
  expect(said["item-mean"]![0]).toBeCloseTo(ofItem, 6);
  expect(said["item-mean"]![1]).toBe(0.5);
  const odds = (ofItem / (1 - ofItem)) * (ofUser / (1 - ofUser)); // those of the mean of all are 1
  expect(said["user-item-mean"]![0]).toBeCloseTo(odds / (1 + odds), 6);
  expect(said["user-item-mean"]![1]).toBe(0.5);
  expect(models.every(({ isSimple }) => isSimple)).toBe(true);
});

test("of one class nobody is quite sure, and without training rows there is nothing", () => {
  const ofOne = simpleModels({ ...rows, label: [1, 1, 1, 1, 0, 0] }, train, [4, 5]);
  expect([...ofOne[0]!.probabilities]).toEqual([Math.fround(4.5 / 5), Math.fround(4.5 / 5)]);
  for (const { probabilities } of ofOne) for (const p of probabilities) expect(p > 0.85 && p < 1).toBe(true);
  expect(simpleModels(rows, [], [4, 5])).toEqual([]);
});
