import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { parseRunConfig } from "../config/config.ts";
import { smallData, writeSmallData } from "../small-data.test-helper.ts";
import { planTrials, trialKey } from "./plan.ts";

const code = vi.hoisted(() => ({ key: "this" }));
vi.mock("../code-key.ts", () => ({ codeKey: () => Promise.resolve(code.key) }));

test("a trial is known by the code that trains it, its settings and its data, and not by threads or names", async () => {
  const baseFolder = await mkdtemp(join(tmpdir(), "corella-plan-"));
  await writeSmallData(baseFolder);
  const options = {
    baseFolder,
    cacheFolder: join(baseFolder, "cache"),
    trialsFolder: join(baseFolder, "trials"),
    place: "c.yaml",
  };
  const content = { name: "a", ...smallData, crm: { model: "FM", embeddingDim: 4 } };
  const keyOf = async (changes: object = {}): Promise<string> =>
    (await planTrials({ ...content, ...changes }, [{}], options))[0]!.key;
  const key = await keyOf();
  expect(await keyOf({ name: "b", runtime: { threads: 1 } })).toBe(key);
  expect(await keyOf({ crm: { model: "FM", embeddingDim: 8 } })).not.toBe(key);
  code.key = "that";
  expect(await keyOf()).not.toBe(key);
  code.key = "this";
  expect(await keyOf()).toBe(key);
});

test("trainings that look at other histories are two, also where the data's key does not tell them apart", () => {
  const keyOf = (changes: object): string =>
    trialKey(
      parseRunConfig({ ...smallData, data: { ...smallData.data, ...changes } }, "c.yaml"),
      "data",
      "code",
    );
  const keys = [{}, { history: { maxLength: 7 } }, { history: { ties: "order" } }].map(keyOf);
  expect(new Set(keys).size).toBe(3);
  expect(keyOf({})).toBe(keys[0]);
});
