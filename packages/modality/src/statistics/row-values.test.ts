import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeRows } from "../features/encode-rows.ts";
import { exampleLog, exampleMap } from "../samples/example.test-helper.ts";
import { prepareSamples } from "../samples/sample-folder.ts";
import { readBatches } from "../samples/read-batches.ts";
import { statisticsOfLog } from "./count-log.ts";
import { collectRowValues, gatherLists, type RowValues, type RowValuesOptions } from "./row-values.ts";

const [size, width] = [23, 3];
let parent = "";

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "corella-row-values-"));
});
afterAll(() => rm(parent, { recursive: true }));

function collected(options: RowValuesOptions): RowValues {
  const { add, finish } = collectRowValues(size, width, options);
  const values = new Float32Array(width);
  for (let row = 0; row < size; row++) {
    for (let s = 0; s < width; s++) values[s] = row + s / 10;
    add(values);
  }
  return finish();
}

const expected = (rows: ArrayLike<number>): Float32Array =>
  Float32Array.from(Array.from(rows, (row) => [0, 1, 2].map((s) => row + s / 10)).flat());

describe.each([
  ["in memory", { memoryBytes: 4 * size * width }],
  ["in a file", { memoryBytes: 4 * size * width - 1 }],
])("statistics of rows %s", (where, options) => {
  test.each([1, 4, 23, 100])(
    "blocks of %i rows: rows in any order, all of them, and several lists",
    (blockRows) => {
      const values = collected({ ...options, scratchFolder: parent, blockRows });
      expect(values.inFile).toBe(where === "in a file");
      for (const rows of [[], [22], [5, 4, 6], [0, 22], Array.from({ length: size }, (_, row) => row)])
        expect(values.at(rows)).toEqual(expected(rows));
      const all = [...values.blocks()].map(({ first, rows }) => [first, rows]);
      expect(all.map(([first]) => first)).toEqual(all.map((_, b) => b * blockRows));
      expect(all.reduce((sum, [, rows]) => sum + rows!, 0)).toBe(size);
      const lists = [Uint32Array.of(0, 3, 22), Uint32Array.of(), Uint32Array.of(3, 4, 5, 6)];
      expect(gatherLists(values, lists)).toEqual(lists.map(expected));
    },
  );
});

test("rows that lie far apart in a file are read one by one", () => {
  const { add, finish } = collectRowValues(1000, 1, { memoryBytes: 0, scratchFolder: parent });
  for (let row = 0; row < 1000; row++) add(Float32Array.of(row));
  expect(finish().at([999, 1, 500])).toEqual(Float32Array.of(999, 1, 500));
});

test("the file has no name, and a folder that cannot be written is told", async () => {
  collected({ memoryBytes: 0, scratchFolder: join(parent, "made") });
  expect(await readdir(join(parent, "made"))).toEqual([]);
  await writeFile(join(parent, "taken"), "");
  expect(() => collected({ memoryBytes: 0, scratchFolder: join(parent, "taken") })).toThrow(
    expect.objectContaining({ code: "data/cache-not-writable", place: join(parent, "taken") }),
  );
});

test("shards are the same, whether the statistics lie in memory or in a file", async () => {
  const plan = exampleMap(exampleLog(100)).statistics!;
  const made = [];
  for (const memoryBytes of [2 ** 28, 0]) {
    const log = exampleLog(100);
    const { rows } = statisticsOfLog(plan, log, { memoryBytes, blockRows: 7 });
    expect(rows.inFile).toBe(memoryBytes === 0);
    const featureMap = exampleMap(log); // finds what was counted, as all do that follow
    const all = Uint32Array.from({ length: log.size }, (_, row) => row);
    const cacheFolder = join(parent, `cache-${memoryBytes}`);
    const options = { cacheFolder, scatterSeed: 1, shardSize: 16 };
    const samples = await prepareSamples(featureMap, log, all, options);
    const batches = [];
    for await (const batch of readBatches(samples, { batchSize: 30 })) batches.push(batch);
    made.push([featureMap.toJson().transforms, encodeRows(featureMap, log, [3, 1, 99]), batches]);
  }
  expect(made[1]).toEqual(made[0]);
});
