import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { batches } from "../batches.ts";
import { encodeRows } from "../features/encode-rows.ts";
import type { IdBatch } from "../features/feature-map.ts";
import { fitFeatureMap } from "../features/fit.ts";
import { expectSameIds } from "../same-batch.test-helper.ts";
import { exampleLog, exampleMap } from "./example.test-helper.ts";
import { readBatches, type SampleBatchOptions } from "./read-batches.ts";
import { prepareSamples, type SampleFolder } from "./sample-folder.ts";
import { streamBatches } from "./stream-batches.ts";

let cacheFolder: string;
beforeEach(async () => {
  cacheFolder = await mkdtemp(join(tmpdir(), "corella-samples-"));
});
afterEach(() => rm(cacheFolder, { recursive: true }));

const log = exampleLog(700);
const featureMap = exampleMap(log);
const rows = Uint32Array.from({ length: 590 }, (_, i) => i + 100);

const prepare = (options: { scatterSeed?: number; shardSize?: number } = {}): Promise<SampleFolder> =>
  prepareSamples(featureMap, log, rows, { cacheFolder, ...options });

describe("prepared samples", () => {
  test("are the batches of encodeRows, in one shard or several, with ids of one, two and four bytes", async () => {
    for (const shardSize of [1000, 64]) {
      const samples = await prepare({ shardSize });
      expect(samples.shards.map(({ size }) => size).reduce((a, b) => a + b)).toBe(rows.length);
      expect(new Set(samples.layout.map(({ dtype }) => dtype))).toEqual(new Set(["U8", "I16", "I32", "F32"]));
      const read = await collect(readBatches(samples, { batchSize: 50 }));
      for (const [index, batch] of read.entries()) {
        const expected = encodeRows(featureMap, log, rows.subarray(index * 50, index * 50 + 50));
        expectSameIds(batch, expected);
        expect(batch.labels).toEqual(expected.labels);
      }
      expect(read).toHaveLength(12);
    }
  });

  test("in one shard are shuffled as `batches` shuffles rows", async () => {
    const samples = await prepare();
    for (const epoch of [0, 3]) {
      const read = await collect(readBatches(samples, { batchSize: 64, shuffleSeed: 5, epoch }));
      const order = [...batches(rows, 64, { shuffleSeed: 5, epoch })];
      expect(read).toHaveLength(order.length);
      for (const [index, batch] of read.entries())
        expectSameIds(batch, encodeRows(featureMap, log, order[index]!));
    }
  });

  test("scattered over shards come once an epoch, in an order that seed and epoch decide", async () => {
    const samples = await prepare({ scatterSeed: 1, shardSize: 37 });
    const orders = new Set<string>();
    for (const [shuffleSeed, epoch] of [
      [1, 0],
      [1, 1],
      [2, 0],
    ] as const) {
      const read = await collect(readBatches(samples, { batchSize: 41, shuffleSeed, epoch }));
      const items = itemsOf(read);
      expect(items.toSorted((a, b) => a - b)).toEqual(
        itemsOf([encodeRows(featureMap, log, rows)]).sort((a, b) => a - b),
      );
      expect(itemsOf(await collect(readBatches(samples, { batchSize: 590, shuffleSeed, epoch })))).toEqual(
        items,
      );
      orders.add(items.join());
    }
    expect(orders.size).toBe(3);
  });

  test("are shuffled exactly: every order of four samples in two shards is about equally likely", async () => {
    const few = rows.subarray(0, 4);
    const counts = new Map<string, number>();
    const scatterings = 24;
    const draws = 100;
    for (let scatterSeed = 0; scatterSeed < scatterings; scatterSeed++) {
      const samples = await prepareSamples(featureMap, log, few, { cacheFolder, scatterSeed, shardSize: 2 });
      for (let shuffleSeed = 0; shuffleSeed < draws; shuffleSeed++) {
        const seed = shuffleSeed + scatterSeed * draws;
        const order = itemsOf(await collect(readBatches(samples, { batchSize: 4, shuffleSeed: seed })));
        counts.set(order.join(), (counts.get(order.join()) ?? 0) + 1);
      }
    }
    // Given a scattering, 8 of the 24 orders can come: the three ways to pair four samples decide which. That 24
    // scatterings fall evenly on the three ways is not to be expected, so only the orders of one pairing are compared.
    expect(counts.size).toBe(24);
    const pairings = new Set([...counts.keys()].map(pairing));
    expect(pairings.size).toBe(3);
    for (const one of pairings) {
      const group = [...counts].filter(([order]) => pairing(order) === one);
      const total = group.reduce((sum, [, count]) => sum + count, 0);
      const expected = total / 8;
      const chiSquared = group.reduce((sum, [, count]) => sum + (count - expected) ** 2 / expected, 0);
      expect(chiSquared).toBeLessThan(24.3); // 7 degrees of freedom: exceeded with probability 0.001
    }
  });

  test("resume at any batch of any epoch as if never interrupted", async () => {
    const samples = await prepare({ scatterSeed: 3, shardSize: 100 });
    const options = { batchSize: 64, shuffleSeed: 9, epochs: 3 };
    const whole = await collect(readBatches(samples, options));
    const perEpoch = 10; // 590 samples
    expect(whole).toHaveLength(3 * perEpoch);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 29 }), async (step) => {
        const epoch = Math.floor(step / perEpoch);
        const resumed = await collect(
          readBatches(samples, { ...options, epoch, epochs: 3 - epoch, startBatch: step % perEpoch }),
        );
        expect(resumed).toHaveLength(30 - step);
        for (const [index, batch] of resumed.entries()) expectSameIds(batch, whole[step + index]!);
      }),
      { numRuns: 30 },
    );
  });

  test("are reused, and made again for another map, other rows or a lost file", async () => {
    const first = await prepare();
    expect((await prepare()).folder).toBe(first.folder);
    const fewer = await prepareSamples(featureMap, log, rows.subarray(1), { cacheFolder });
    const narrower = await prepareSamples(
      fitFeatureMap([{ name: "user", type: "categorical", field: "user" }], log, rows),
      log,
      rows,
      {
        cacheFolder,
      },
    );
    expect(new Set([first, fewer, narrower].map(({ folder }) => folder)).size).toBe(3);
    await rm(join(first.folder, "shard-00000.safetensors"));
    expect(await collect(readBatches(await prepare(), { batchSize: 590 }))).toHaveLength(1);
  });

  test("that were changed on disk, or cannot be shuffled, are told", async () => {
    const inOrder = await prepare({ shardSize: 100 });
    await expect(collect(readBatches(inOrder, { batchSize: 9, shuffleSeed: 1 }))).rejects.toMatchObject({
      code: "data/not-scattered",
    });
    await expect(collect(readBatches(inOrder, { batchSize: 0 }))).rejects.toMatchObject({
      code: "data/bad-batch-size",
    });
    const path = join(inOrder.folder, "shard-00002.safetensors");
    const bytes = await readFile(path);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(path, bytes);
    for (const read of [readBatches, streamBatches]) {
      await expect(collect(read(inOrder, { batchSize: 64 }))).rejects.toMatchObject({
        code: "data/damaged-samples",
        place: path,
      });
    }
  });
});

describe("streamed batches", () => {
  test("are those that are read in this thread, however far ahead the worker is", async () => {
    const samples = await prepare({ scatterSeed: 1, shardSize: 100 });
    const options: SampleBatchOptions = { batchSize: 64, shuffleSeed: 2, epochs: 2, startBatch: 3 };
    const expected = await collect(readBatches(samples, options));
    for (const ahead of [1, 3, 100]) {
      const streamed = await collect(streamBatches(samples, { ...options, ahead }));
      expect(streamed).toHaveLength(expected.length);
      for (const [index, batch] of streamed.entries()) {
        expectSameIds(batch, expected[index]!);
        expect(batch.labels).toEqual(expected[index]!.labels);
      }
    }
  });

  test("may be left at any time", async () => {
    const samples = await prepare();
    for await (const batch of streamBatches(samples, { batchSize: 10, epochs: 1000 })) {
      expect(batch.size).toBe(10);
      break;
    }
  });
});

async function collect(source: AsyncIterable<IdBatch>): Promise<IdBatch[]> {
  const all: IdBatch[] = [];
  for await (const batch of source) all.push(batch);
  return all;
}

/** The item tells the samples of this log apart. */
function itemsOf(read: readonly IdBatch[]): number[] {
  return read.flatMap(({ features }) => [...features.item!]);
}

/** Which samples lie together, of an order of four in two shards. */
function pairing(order: string): string {
  const [a, b, c, d] = order.split(",");
  return [[a, b].sort().join("+"), [c, d].sort().join("+")].sort().join(" ");
}
