import fc from "fast-check";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeSafetensors, type TensorToWrite } from "@corella/safetensors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeRecords } from "../features/encode-records.ts";
import { encodeRows } from "../features/encode-rows.ts";
import { type FeatureMap, featureMapFromJson } from "../features/feature-map.ts";
import { featureGroups, featuresAlone } from "../features/alone.ts";
import type { FeatureConfig } from "../features/config.ts";
import { fitFeatureMap } from "../features/fit.ts";
import { createLog, historyOf, type InteractionLog } from "../log.ts";
import type { ItemVectors } from "../prompt/similar.ts";
import { randomLog } from "../random-log.test-helper.ts";
import { recordAt } from "../record.ts";
import { readFeatureVectors, readVectors, writeVectors } from "./vectors-file.ts";

let folder = "";
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "corella-vectors-"))));
afterAll(() => rm(folder, { recursive: true }));

const features: FeatureConfig[] = [
  { name: "text", type: "text", vectors: "a" },
  { name: "affinity", type: "affinity", vectors: "a" },
  { name: "latest", type: "affinity", vectors: "a", maxLength: 2 },
  { name: "other", type: "text", vectors: "b" },
];

/** Items i1 to i4 have a vector of two numbers, i0 and i5 none; "b" has one of i0 alone, and one of nobody. */
const given: ReadonlyMap<string, ItemVectors> = new Map([
  ["a", { items: ["i4", "i1", "i2", "i3"], values: Float32Array.of(3, 1, -2, 0.5, 7, 1.25, 0, -4) }],
  ["b", { items: ["i0", "stranger"], values: Float32Array.of(2, 9) }],
]);

const rowsOf = ({ size }: InteractionLog): number[] => Array.from({ length: size }, (_, row) => row);

/** Logs in whose rows an item of each of the vectors occurs, and whose window holds the events of each affinity. */
const logs = randomLog().filter(
  ({ item, history }) =>
    history.maxLength > 1 && item.includes(0) && item.some((code) => code >= 1 && code <= 4),
);

test("rows and records give the same bits, also of a map that was restored", () => {
  fc.assert(
    fc.property(logs, (log) => {
      const fitted = fitFeatureMap(features, log, rowsOf(log), { vectors: given });
      const restored = featureMapFromJson(JSON.parse(JSON.stringify(fitted.toJson())), fitted.vectors);
      const { labels: _, ...offline } = encodeRows(restored, log, rowsOf(log));
      expect(
        encodeRecords(
          fitted,
          rowsOf(log).map((row) => recordAt(log, row)),
        ),
      ).toEqual(offline);
    }),
  );
});

test("an affinity is the cosine with liked minus disliked of the history before the sample", () => {
  fc.assert(
    fc.property(logs, (log) => {
      const map = fitFeatureMap(features, log, rowsOf(log), { vectors: given });
      const vectors = map.vectors.get((map.fitted[0]!.config as { vectors: string }).vectors)!;
      const { mean, deviation } = map.toJson().transforms.latest as { mean: number; deviation: number };
      const vectorOf = (item: number): number[] => {
        const at = vectors.items.indexOf(`i${item}`);
        return at < 0 ? [0, 0] : [vectors.values[2 * at]!, vectors.values[2 * at + 1]!];
      };
      const { latest } = encodeRows(map, log, rowsOf(log)).features;
      for (const row of rowsOf(log)) {
        const [x, y] = vectorOf(log.item[row]!) as [number, number];
        let [a, b] = [0, 0];
        for (const past of historyOf(log, row).slice(-2)) {
          const sign = log.rating[past]! >= Math.fround(3.7) ? 1 : -1;
          const [u, v] = vectorOf(log.item[past]!) as [number, number];
          [a, b] = [a + sign * u, b + sign * v];
        }
        const norms = Math.hypot(x, y) * Math.hypot(a, b);
        if (norms === 0) expect(latest![row]).toBe(0);
        else expect(latest![row]! * deviation + mean).toBeCloseTo((x * a + y * b) / norms, 5);
      }
    }),
  );
});

/** One user's likes and dislikes of a, b and c, the last two at one time; c has no vector. */
function handLog(): InteractionLog {
  return createLog({
    user: Int32Array.of(0, 0, 0, 0),
    item: Int32Array.of(0, 1, 2, 0),
    rating: Float32Array.of(5, 1, 5, 5),
    time: Float64Array.of(1, 2, 3, 3),
    label: Uint8Array.of(1, 0, 1, 1),
    users: { ids: ["u"], activeCount: 1, attributes: [{}] },
    items: { ids: ["a", "b", "c"], activeCount: 3, attributes: [{}, {}, {}] },
    history: { maxLength: 10, ties: "exclude" },
    likedThreshold: 4,
  });
}
const ofHandLog: FeatureConfig[] = [
  { name: "text", type: "text", vectors: "v" },
  { name: "affinity", type: "affinity", vectors: "v" },
];
const handVectors = new Map([["v", { items: ["b", "a"], values: Float32Array.of(6, 0, 2, 8) }]]);

function handMap(log: InteractionLog, trainRows: number[]): FeatureMap {
  return fitFeatureMap(ofHandLog, log, trainRows, { vectors: handVectors });
}

test("of a small log, by hand: standardised vectors, a last number for what has none, ties unknown to each other", () => {
  // Training rows a (2, 8) and b (6, 0): mean (4, 4), every difference 2 or 4, variance (4 + 16) / 2 = 10.
  const log = handLog();
  const map = handMap(log, [0, 1]);
  const [two, four] = [2 / Math.sqrt(10), 4 / Math.sqrt(10)];
  const { text, affinity } = encodeRows(map, log, [0, 1, 2, 3]).features;
  const at = (row: number): number[] => Array.from(text!.slice(3 * row, 3 * row + 3));
  expect(at(0)).toEqual([-two, four, 0].map(Math.fround));
  expect(at(1)).toEqual([two, -four, 0].map(Math.fround));
  expect([...log.item]).toEqual([0, 1, 0, 2]); // a and c at one time, in the order of items
  expect(at(3)).toEqual([0, 0, 1]);
  // b = -a. Before b: a liked, cosine -1, the only one in training: mean -1, deviation 1. Before the last two: a - b = 2a.
  expect([...affinity!]).toEqual([0, 0, 2, 0]);
});

test("affinities that are all alike stay so, for rounding is no difference", () => {
  // The mean of i2, i2, i2 and i3 lies between them: every affinity is -1.
  const log = createLog({
    user: Int32Array.of(0, 0, 0, 2, 2),
    item: Int32Array.of(0, 1, 1, 1, 2),
    rating: Float32Array.of(0, 0, 0, 5, 0),
    time: Float64Array.of(0, 0, 7200, 0, 7200),
    label: Uint8Array.of(0, 0, 0, 1, 0),
    users: { ids: ["u0", "u1", "u2"], activeCount: 3, attributes: [{}, {}, {}] },
    items: { ids: ["i0", "i2", "i3"], activeCount: 3, attributes: [{}, {}, {}] },
    history: { maxLength: 1, ties: "exclude" },
    likedThreshold: 4,
  });
  const vectors = new Map([["v", { items: ["i2", "i3"], values: Float32Array.of(7, 1.25, 0, -4) }]]);
  const map = fitFeatureMap(ofHandLog, log, rowsOf(log), { vectors });
  expect(map.toJson().transforms.affinity).toEqual({ kind: "standard", mean: -1, deviation: 1 });
});

test("learns nothing from rows outside of training, and the same contents have the same name", () => {
  const log = handLog();
  const later = createLog({ ...log, rating: Float32Array.of(5, 1, 1, 1), item: Int32Array.of(0, 1, 1, 1) });
  const json = (of: InteractionLog): unknown => handMap(of, [0, 1]).toJson();
  expect(json(later)).toEqual(json(log));
  expect(handMap(log, [0, 3]).toJson().features).not.toEqual(handMap(log, [0, 1]).toJson().features);
});

test("what a text says alone is told by a linear discriminant; its numbers are one group", () => {
  // The label is 1 for items whose second number is high; the first is noise of a larger scale.
  const size = 200;
  const noise = (i: number): number => ((i * 37) % 101) / 10;
  const log = createLog({
    user: new Int32Array(size),
    item: Int32Array.from({ length: size }, (_, i) => i % 50),
    rating: Float32Array.from({ length: size }, (_, i) => (i % 50 < 25 ? 5 : 1)),
    time: Float64Array.from({ length: size }, (_, i) => i),
    label: Uint8Array.from({ length: size }, (_, i) => (i % 50 < 25 ? 1 : 0)),
    users: { ids: ["u"], activeCount: 1, attributes: [{}] },
    items: {
      ids: Array.from({ length: 50 }, (_, i) => `i${i}`),
      activeCount: 50,
      attributes: Array.from({ length: 50 }, () => ({})),
    },
    history: { maxLength: 10, ties: "exclude" },
    likedThreshold: 4,
  });
  const values = Float32Array.from({ length: 100 }, (_, j) => (j % 2 === 0 ? noise(j) : j < 50 ? 1 : 0));
  const vectors = new Map([["v", { items: log.items.ids, values }]]);
  const rows = Uint32Array.from(rowsOf(log));
  const split = { train: rows.slice(0, 150), validation: rows.slice(150), test: rows.slice(0, 0) };
  const map = fitFeatureMap(ofHandLog, log, split.train, { vectors });
  expect(featureGroups(map)[0]).toEqual({ name: "text", type: "text", columns: ["text"] });
  const pairs = (scores: Float32Array, labels: Float32Array): number => {
    let [right, all] = [0, 0];
    for (const [i, a] of scores.entries())
      for (const [j, b] of scores.entries())
        if (labels[i] === 1 && labels[j] === 0)
          [right, all] = [right + (a > b ? 1 : a === b ? 0.5 : 0), all + 1];
    return right / all;
  };
  const [text] = featuresAlone(map, log, split, pairs).features;
  expect(text!.auc).toBeGreaterThan(0.95);
});

describe("files", () => {
  const vectors: ItemVectors = { items: ["a", "ß ::b"], values: Float32Array.of(1, -0.5, 3, 0.1) };

  test.each(["F32", "F16"] as const)("%s come back", async (dtype) => {
    const path = join(folder, `${dtype}.safetensors`);
    await writeVectors(path, vectors, { dtype, metadata: { model: "m" } });
    const { items, values } = await readVectors(path);
    expect(items).toEqual(vectors.items);
    for (const [i, value] of values.entries())
      expect(Math.abs(value - vectors.values[i]!)).toBeLessThan(dtype === "F32" ? 1e-9 : 1e-4);
    const named = [{ name: "text", type: "text", vectors: `${dtype}.safetensors` } as const];
    expect((await readFeatureVectors(named, folder)).get(`${dtype}.safetensors`)!.items).toEqual(items);
  });

  const ids = (text: string): TensorToWrite => ({
    dtype: "U8",
    shape: [text.length],
    data: new TextEncoder().encode(text),
  });
  const numbers = (shape: number[], ...data: number[]): TensorToWrite => ({
    dtype: "F32",
    shape,
    data: Float32Array.from(data),
  });
  test.each<[string, Record<string, TensorToWrite>, RegExp]>([
    ["no items", { vectors: numbers([1, 1], 1) }, /no tensor "items"/],
    ["numbers of one dimension", { vectors: numbers([2], 1, 2), items: ids("a\nb") }, /F32 \[2\]/],
    [
      "whole numbers",
      { vectors: { dtype: "I32", shape: [1, 1], data: Int32Array.of(1) }, items: ids("a") },
      /I32/,
    ],
    ["fewer items", { vectors: numbers([2, 1], 1, 2), items: ids("a") }, /2 vectors and 1 items/],
    ["an item twice", { vectors: numbers([2, 1], 1, 2), items: ids("a\na") }, /twice/],
    [
      "what is no number",
      { vectors: numbers([2, 1], 1, Number.NaN), items: ids("a\nb") },
      /"b" is not finite/,
    ],
  ])("with %s are refused", async (name, tensors, message) => {
    const path = join(folder, `${name}.safetensors`);
    await writeSafetensors(path, tensors);
    await expect(readVectors(path)).rejects.toMatchObject({
      code: "features/bad-vectors",
      message: expect.stringMatching(message),
      place: path,
    });
  });

  test("that are not there, not given, of other items or not in the bundle end in one clear error", async () => {
    await expect(readFeatureVectors(ofHandLog, folder)).rejects.toMatchObject({
      code: "features/no-vectors",
      place: "features.text.vectors",
    });
    const log = handLog();
    const no = expect.objectContaining({ code: "features/no-vectors" });
    expect(() => fitFeatureMap(ofHandLog, log, [0, 1])).toThrow(no);
    const foreign = new Map([["v", { items: ["1", "2"], values: Float32Array.of(1, 2) }]]);
    expect(() => fitFeatureMap(ofHandLog, log, [0, 1], { vectors: foreign })).toThrow(no);
    expect(() => featureMapFromJson(handMap(log, [0, 1]).toJson())).toThrow(
      expect.objectContaining({ code: "features/incomplete-map" }),
    );
    const sharing: FeatureConfig = { name: "item", type: "categorical", field: "item", shareWith: "text" };
    expect(() => fitFeatureMap([...ofHandLog, sharing], log, [0, 1], { vectors: handVectors })).toThrow(
      expect.objectContaining({ code: "features/bad-share" }),
    );
  });
});
