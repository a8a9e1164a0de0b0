import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prepareData } from "../data.ts";
import { smallData, writeSmallData } from "../small-data.test-helper.ts";
import { parseRunConfig } from "./config.ts";
import { withDefaultFeatures } from "./default-features.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-defaults-"));
  await writeSmallData(folder);
});
afterAll(() => rm(folder, { recursive: true }));

test("a configuration without features gets those of its log, and says which; one with features keeps them", async () => {
  const loaded = { config: parseRunConfig({ data: smallData.data }, "test.yaml"), baseFolder: folder };
  const notes: string[] = [];
  const { config } = await withDefaultFeatures(loaded, join(folder, "cache"), (text) => notes.push(text));
  const names = config.features!.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["item", "history_ratings", "item_mean", "user_pause"]));
  expect(names).not.toContain("user");
  expect(notes).toEqual([expect.stringContaining(names.join(", "))]);
  // Left out or written out, the data are the same.
  const [left, written] = [
    await prepareData(loaded.config, folder, join(folder, "cache")),
    await prepareData(config, folder, join(folder, "cache")),
  ];
  expect(left.featureMap.toJson()).toEqual(written.featureMap.toJson());

  const chosen = { ...loaded, config: parseRunConfig(smallData, "test.yaml") };
  expect(await withDefaultFeatures(chosen, "nowhere")).toBe(chosen);
  const llmOnly = {
    ...loaded,
    config: parseRunConfig({ ...smallData, llm: {}, recipe: "llm-only", features: undefined }, "t"),
  };
  expect(await withDefaultFeatures(llmOnly, "nowhere")).toBe(llmOnly);
});
