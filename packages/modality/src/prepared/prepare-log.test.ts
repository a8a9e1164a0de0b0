import { mkdtemp, readdir, readFile, rename, rm, truncate, utimes, mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DataConfigInput } from "../config.ts";
import { loadLog } from "../load-log.ts";
import { prepareLog } from "./prepare-log.ts";

let folder: string;
let cacheFolder: string;
const config: DataConfigInput = {
  source: {
    ratings: { path: "r.csv", columns: { user: 0, item: 1, rating: 2, time: 3 }, onBadRow: "skip" },
    items: { path: "i*.csv", columns: { item: 0, title: 1, tags: { column: 2, type: "list" } } },
  },
  label: { threshold: 4 },
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-prepare-"));
  cacheFolder = join(folder, "cache");
  const row = (i: number): string => `u${i % 7},i${(i * 31) % 11},${i % 6},${1000 + (i % 50)}\n`;
  await writeFile(
    join(folder, "r.csv"),
    `${Array.from({ length: 500 }, (_, i) => row(i)).join("")}bad,row,x,1\n`,
  );
  await writeFile(join(folder, "items.csv"), 'i0,"Zero, né",a|b\ni1,One,\nextra,More,c\n');
});
afterEach(() => rm(folder, { recursive: true }));

const prepare = (of: DataConfigInput = config): ReturnType<typeof prepareLog> =>
  prepareLog(of, { cacheFolder, baseFolder: folder });

describe("prepareLog", () => {
  test("gives the same log again without reading the sources", async () => {
    const loaded = await loadLog(config, { baseFolder: folder });
    const first = await prepare();
    const second = await prepare();
    expect([first.reused, second.reused]).toEqual([false, true]);
    expect(first.log).toEqual(loaded);
    expect(second.log).toEqual(loaded);
    expect(second.log.report.skipped).toHaveLength(1);
    expect(await readdir(cacheFolder)).toHaveLength(1);
  });

  test("reads anew when a source or the config changes, not for another split", async () => {
    await prepare();
    expect(
      (await prepare({ ...config, split: { kind: "leaveLastOut" }, filter: { minHistory: 2 } })).reused,
    ).toBe(true);
    expect((await prepare({ ...config, label: { threshold: 3 } })).reused).toBe(false);
    expect((await prepare({ ...config, history: { ties: "order" } })).reused).toBe(false);
    await writeFile(join(folder, "items.csv"), "i0,Other,a\n");
    const changed = await prepare();
    expect(changed.reused).toBe(false);
    expect(changed.log.items.attributes[0]).toEqual({ title: "Other", tags: ["a"] });
  });

  test("reads anew when files that are parts exchange their names", async () => {
    await writeFile(join(folder, "p1-train.csv"), "a,x,5,1\na,y,1,2\nb,x,4,3\n");
    await writeFile(join(folder, "p2-test.csv"), "b,y,2,4\n");
    const ofParts: DataConfigInput = {
      source: {
        ratings: {
          path: "p?-*.csv",
          columns: { user: 0, item: 1, rating: 2, time: 3 },
          timeUnit: "steps",
          parts: { train: "*-train.csv", test: "*-test.csv" },
        },
      },
      label: { threshold: 4 },
    };
    const before = await prepare(ofParts);
    expect((await prepare(ofParts)).reused).toBe(true);
    // The same bytes in the same order.
    await rename(join(folder, "p1-train.csv"), join(folder, "p1-test.csv"));
    await rename(join(folder, "p2-test.csv"), join(folder, "p2-train.csv"));
    const after = await prepare(ofParts);
    expect(after.reused).toBe(false);
    // 0: train, 2: test.
    expect([before, after].map(({ log }) => [...log.part!])).toEqual([
      [0, 0, 0, 2],
      [2, 2, 2, 0],
    ]);
  });

  test("makes a damaged folder anew, whatever was damaged", async () => {
    const { folder: kept, log } = await prepare();
    for (const name of await readdir(kept!)) {
      const path = join(kept!, name);
      const bytes = await readFile(path);
      await truncate(path, bytes.length - 1);
      const cut = await prepare();
      expect([name, cut.reused, cut.log.size]).toEqual([name, false, log.size]);
      bytes[bytes.length >> 1]! ^= 1;
      await writeFile(path, bytes);
      expect((await prepare()).log).toEqual(log);
      await rm(path);
      expect((await prepare()).reused).toBe(false);
      expect((await prepare()).reused).toBe(true);
    }
  });

  test("is not disturbed by what a killed process left, and removes it after a day", async () => {
    await mkdir(join(cacheFolder, "unfinished-old"), { recursive: true });
    await mkdir(join(cacheFolder, "unfinished-new"));
    const before = new Date(Date.now() - 25 * 3600 * 1000);
    await utimes(join(cacheFolder, "unfinished-old"), before, before);
    const { folder: kept } = await prepare();
    expect((await readdir(cacheFolder)).map((name) => join(cacheFolder, name)).toSorted()).toEqual(
      [kept!, join(cacheFolder, "unfinished-new")].toSorted(),
    );
  });

  test("says when the cache cannot be written", async () => {
    await writeFile(join(folder, "file"), "");
    await expect(
      prepareLog(config, { cacheFolder: join(folder, "file"), baseFolder: folder }),
    ).rejects.toMatchObject({
      code: "data/cache-not-writable",
    });
  });
});
