import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { SearchOptions } from "./options.ts";
import { readSearch } from "./read-search.ts";

const median = { afterTrials: 3, afterEpochs: 1 };
const asha = { factor: 4 };

async function stopping(file: string | undefined, options: SearchOptions): Promise<unknown> {
  const path = join(mkdtempSync(join(tmpdir(), "corella-search-")), "search.yaml");
  writeFileSync(path, `config: a.yaml\n${file === undefined ? "" : `stopping: ${file}\n`}`);
  return (await readSearch(path, options)).search.stopping;
}

test("the command line goes before the search file; without either it is the median rule, on workers successive halving", async () => {
  expect(await stopping(undefined, {})).toEqual(median);
  expect(await stopping(undefined, { workers: "redis://a" })).toEqual(asha);
  expect(await stopping(undefined, { scheduler: "asha" })).toEqual(asha);
  expect(await stopping("{ asha: { factor: 3, firstEpochs: 1 } }", { scheduler: "asha" })).toEqual({
    factor: 3,
    firstEpochs: 1,
  });
  expect(await stopping("asha", {})).toEqual(asha);
  expect(await stopping("asha", { scheduler: "median" })).toEqual(median);
  expect(await stopping("{ afterTrials: 5 }", { scheduler: "median" })).toEqual({
    ...median,
    afterTrials: 5,
  });
  expect(await stopping("none", { workers: "redis://a" })).toBe("none");
  expect(await stopping("{ afterTrials: 5 }", { scheduler: "none", workers: "redis://a" })).toBe("none");
});

test("the median rule, which watches trials, is refused on workers", async () => {
  const expected = { code: "tune/median-on-workers" };
  await expect(stopping("{ afterTrials: 5 }", { workers: "redis://a" })).rejects.toMatchObject(expected);
  await expect(stopping("asha", { scheduler: "median", workers: "redis://a" })).rejects.toMatchObject(
    expected,
  );
});

test.each([
  ["{ asha: { factor: 1 } }", "config/invalid", "stopping.asha.factor"],
  ["{ asha: { firstEpochs: 0 } }", "config/invalid", "stopping.asha.firstEpochs"],
  ["{ asha: { eta: 4 } }", "config/unknown-key", "stopping.asha.eta"],
  ["{ afterTrial: 3 }", "config/unknown-key", "stopping.afterTrial"],
  ["ash", "config/invalid", "stopping"],
])("%s is refused by name", async (wrong, code, named) => {
  const message = expect.stringContaining(named);
  await expect(stopping(wrong, {})).rejects.toMatchObject({ code, message });
});
