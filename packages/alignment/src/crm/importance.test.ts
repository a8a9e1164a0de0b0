import type { IdBatch } from "@corella/modality";
import { createGenerator } from "@corella/random";
import { describe, expect, test } from "vitest";
import { permutationImportance, type CrmImportance } from "./importance.ts";

const size = 2000;
const random = createGenerator(3, "importance-test");
const half = Int32Array.from({ length: size }, () => random.integer(2));
const batch: IdBatch = {
  size,
  features: {
    decides: half,
    copy: half.slice(),
    noise: Float32Array.from({ length: size }, () => random.uniform()),
    // Two events a sample, of which the second one has the answer too.
    events: Int32Array.from({ length: 2 * size }, (_, at) => (at % 2 === 0 ? 1 : half[(at - 1) / 2]!)),
    number: Float32Array.from(half),
    bucket: half.slice(),
  },
  labels: Float32Array.from(half),
};
const groups = [
  { name: "decides", type: "categorical", columns: ["decides"] },
  { name: "noise", type: "numeric", columns: ["noise"] },
  { name: "events", type: "sequence", columns: ["events"] },
  { name: "both", type: "statistic", columns: ["number", "bucket"] },
] as const;

/** Importance under a model that says .8 where what it reads is 1 and .2 where it is 0. */
async function importanceOf(
  read: (features: IdBatch["features"], i: number) => number,
  options = { seed: 1, shuffles: 3 },
  of: Parameters<typeof permutationImportance>[0] = groups,
): Promise<CrmImportance> {
  return permutationImportance(
    of,
    batch,
    ({ features, size: rows }) =>
      Promise.resolve(Float32Array.from({ length: rows }, (_, i) => 0.2 + 0.6 * read(features, i))),
    options,
  );
}

function named(importance: CrmImportance): Record<string, CrmImportance["features"][number]> {
  return Object.fromEntries(importance.features.map((feature) => [feature.name, feature]));
}

describe("permutation importance", () => {
  test("is what a perfect model loses at what decides, and exactly nothing elsewhere", async () => {
    const importance = await importanceOf(({ decides }, i) => decides![i]!);
    expect(importance).toMatchObject({ rows: size, shuffles: 3, auc: 1 });
    expect(importance.logLoss).toBeCloseTo(-Math.log(0.8), 6);
    const { decides, noise, events } = named(importance);
    // Shuffled it guesses: the AUC falls to .5; half of the rows then pay log(.8 / .2) more.
    expect(Math.abs(decides!.auc.mean - 0.5)).toBeLessThan(0.03);
    expect(Math.abs(decides!.logLoss.mean - Math.log(4) / 2)).toBeLessThan(0.05);
    expect(decides!.auc.deviation).toBeGreaterThan(0);
    expect(decides!.auc.deviation).toBeLessThan(0.03);
    for (const feature of [noise!, events!]) {
      expect(feature.auc).toEqual({ mean: 0, deviation: 0 });
      expect(feature.logLoss).toEqual({ mean: 0, deviation: 0 });
    }
  });

  test("moves the events of a sequence together, and the columns of a feature", async () => {
    const { events } = named(
      await importanceOf(({ events: ids }, i) => (ids!.at(2 * i) === 1 ? ids![2 * i + 1]! : 0)),
    );
    expect(Math.abs(events!.auc.mean - 0.5)).toBeLessThan(0.03);
    // Both columns still agree with each other, so that a model which only compares them sees no difference.
    const { both } = named(
      await importanceOf(({ number, bucket }, i) => (number![i] === bucket![i] ? 1 : 0)),
    );
    expect(both!.auc.mean).toBe(0);
  });

  test("of two features that tell the same is shared between them", async () => {
    const copies = ["decides", "copy"].map(
      (name) => ({ name, type: "categorical", columns: [name] }) as const,
    );
    const read = ({ decides, copy }: IdBatch["features"], i: number): number =>
      (decides![i]! + copy![i]!) / 2;
    const { decides, copy } = named(await importanceOf(read, undefined, copies));
    for (const feature of [decides!, copy!]) {
      expect(feature.auc.mean).toBeGreaterThan(0.05);
      expect(feature.auc.mean).toBeLessThan(0.2);
    }
  });

  test("is decided by the seed, whichever other features there are", async () => {
    const read = ({ decides }: IdBatch["features"], i: number): number => decides![i]!;
    const first = await importanceOf(read);
    expect(await importanceOf(read)).toEqual(first);
    expect((await importanceOf(read, undefined, groups.slice(0, 1))).features[0]).toEqual(first.features[0]);
    const other = await importanceOf(read, { seed: 2, shuffles: 3 });
    expect(other.features[0]!.auc.mean).not.toBe(first.features[0]!.auc.mean);
  });
});
