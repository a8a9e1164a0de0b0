import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { catalogueFromLog, prepareLog, splitLog } from "@corella/modality";
import { expect, test } from "vitest";
import { designOf } from "../llm/base-llm.ts";
import { notePromptCuts, samplePromptCuts } from "../llm/prompt-limit.ts";
import type { Run } from "../run.ts";
import { smallData, writeSmallData } from "../small-data.test-helper.ts";
import { parseRunConfig } from "./config.ts";
import { resolveConfig } from "./resolve-config.ts";

const base = { vocabularySize: 400, hiddenSize: 16, layers: 1, heads: 2, keyValueHeads: 1 };

test("llm.maxTokens that is left out holds the prompts of the data; a smaller one is warned of", async () => {
  const baseFolder = await mkdtemp(join(tmpdir(), "corella-resolve-"));
  await writeSmallData(baseFolder);
  const cacheFolder = join(baseFolder, "cache");
  const parsed = parseRunConfig({ ...smallData, prompt: { historyLength: 3 }, llm: { base } }, "t");
  const notes: string[] = [];
  const { config } = await resolveConfig({ config: parsed, baseFolder }, cacheFolder, (text) =>
    notes.push(text),
  );
  const { maxTokens } = config.llm;
  expect(notes).toEqual([
    expect.stringContaining(`llm.maxTokens; the default one for its prompts: ${maxTokens}`),
  ]);
  expect(maxTokens % 32).toBe(0);

  const { log } = await prepareLog(config.data, { baseFolder, cacheFolder });
  const data = { log, split: splitLog(log, config.data), catalogue: catalogueFromLog(log) };
  const design = await designOf({ config, baseFolder, data, listener: {} });
  const cutBy = (limit: number): number => {
    const { cut, prompts } = samplePromptCuts(config, data, design, limit);
    return cut / prompts;
  };
  expect(cutBy(maxTokens)).toBeLessThanOrEqual(0.01);
  expect(cutBy(maxTokens - 32)).toBeGreaterThan(0.01);

  const warnings = (limit: number): string[] => {
    const told: string[] = [];
    const limited = { ...config, llm: { ...config.llm, maxTokens: limit } };
    const run = { config: limited, data, listener: { note: (text: string) => told.push(text) } };
    notePromptCuts(run as unknown as Run, design);
    return told;
  };
  expect(warnings(maxTokens)).toEqual([]);
  expect(warnings(64)).toEqual([
    expect.stringMatching(
      /^warning: \d+ of 188 prompts .* cut to 64 tokens: .* of 2\.8 events.* Set llm\.maxTokens so/,
    ),
  ]);
  // What is said, or not read, stays as it is; what was resolved is not resolved again.
  const said = { config: { ...config, llm: { ...config.llm, maxTokens: 40 } }, baseFolder };
  expect((await resolveConfig(said, cacheFolder)).config).toEqual(said.config);
  const without = { config: parseRunConfig(smallData, "t"), baseFolder };
  expect((await resolveConfig(without, "nowhere")).config).toEqual(without.config);
});

test("what a prompt leaves out is that of the data", async () => {
  const baseFolder = await mkdtemp(join(tmpdir(), "corella-resolve-"));
  await writeSmallData(baseFolder);
  const cacheFolder = join(baseFolder, "cache");
  const parsed = parseRunConfig({ ...smallData, llm: { base, maxTokens: 40 } }, "t");
  const { config } = await resolveConfig({ config: parsed, baseFolder }, cacheFolder);
  const { log } = await prepareLog(config.data, { baseFolder, cacheFolder });
  expect(config.prompt).toMatchObject({
    historyLength: log.history.maxLength,
    ratingScale: Math.max(...log.rating),
    likedThreshold: log.likedThreshold,
  });
  // What the run's folder keeps is a configuration.
  expect(Object.keys(config.prompt)).not.toContain("labelThreshold");
  const far = parseRunConfig(
    { ...smallData, prompt: { historyLength: 6 }, llm: { base, maxTokens: 40 } },
    "t",
  );
  await expect(resolveConfig({ config: far, baseFolder }, cacheFolder)).rejects.toMatchObject({
    code: "prompt/short-window",
  });
});
