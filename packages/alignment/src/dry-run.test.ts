import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readYaml } from "@corella/configuration";
import { beforeAll, expect, test } from "vitest";
import type { RunConfig } from "./config/config.ts";
import { dryRun } from "./dry-run.ts";
import { smallConfig } from "./recipes/small-run.test-helper.ts";
import { writeSmallData } from "./small-data.test-helper.ts";

let baseFolder = "";
beforeAll(async () => {
  baseFolder = await mkdtemp(join(tmpdir(), "corella-dry-"));
  await writeSmallData(baseFolder);
});

const configs = join(import.meta.dirname, "../../../configs");

/** Sizes of the small run in the place of those of a model's own; what has no size stays as it is written. */
function small(crm: object): object {
  const sizes = (key: string, value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(() => 8);
    if (key === "dropout") return 0.1;
    return typeof value === "number" && /dim/i.test(key) ? 4 : value;
  };
  return JSON.parse(JSON.stringify(crm, sizes)) as object;
}

/** The models of configs/, each once, with settings of the CRM as they are written there, but small. */
async function modelsOfConfigs(): Promise<[model: string, crm: string][]> {
  const found = new Map<string, [string, string]>();
  for (const file of await readdir(configs)) {
    const { models = {} } = (await readYaml(join(configs, file))) as {
      models?: Record<string, { crm: object }>;
    };
    for (const [model, { crm }] of Object.entries(models))
      found.set(model, [model, JSON.stringify({ model, ...small(crm) })]);
  }
  return [...found.values()];
}

test.each(await modelsOfConfigs())(
  "%s of configs/ passes the checks of a run with a language model, and every part of it can be measured: %s",
  async (_, crm) => {
    // Stage 3 is the same with each of them, and measured below.
    const stages: RunConfig["stages"] = { ...smallConfig.stages, skip: ["llmAlone"] };
    const config = { ...smallConfig, stages, crm: JSON.parse(crm) as RunConfig["crm"] };
    const { parts } = await dryRun(config, { baseFolder, cacheFolder: join(baseFolder, "cache") });
    expect(parts.map(({ title }) => title)).toContain("Stage 2: joint training with alignment");
    expect(parts.every(({ totalMs, peakBytes }) => totalMs > 0 && peakBytes > 0)).toBe(true);
  },
  240_000,
);

test("a stage that is left out costs nothing", async () => {
  const stages: RunConfig["stages"] = { ...smallConfig.stages, skip: ["warmUp", "llmAlone"] };
  const options = { baseFolder, cacheFolder: join(baseFolder, "cache") };
  const { parts } = await dryRun({ ...smallConfig, stages }, options);
  expect(parts.find(({ title }) => title === "Stage 1: CRM warm-up")).toMatchObject({ steps: 0, stepMs: 0 });
  expect(parts.find(({ title }) => title.startsWith("Stage 2"))!.stepMs).toBeGreaterThan(0);
});

const importance = "Importance of the CRM's features";

test.each([
  [
    "corella",
    [
      ["Stage 1: CRM warm-up", 12 * Math.ceil(480 / 64)],
      ["Scoring with the CRM: crm", 60],
      ["Stage 0: pre-training the language model", 6],
      ["Stage 2: joint training with alignment", 64 / 16],
      ["Stage 3: LLM alone", 64 / 16],
      // Validation and test part.
      ["Scoring with both models: crm", 120],
      ["Scoring with both models: llm", 120],
      [importance, 3],
    ],
  ],
  [
    "crm-only",
    [
      ["Training DCNv2", 96],
      ["Scoring with the CRM: crm", 120],
      [importance, 3],
    ],
  ],
  [
    "llm-only",
    [
      ["Stage 0: pre-training the language model", 6],
      ["Tuning the language model", 4],
      ["Scoring with the language model: llm", 120],
    ],
  ],
  [
    "tallrec",
    [
      ["Stage 0: pre-training the language model", 6],
      ["Rec-tuning the language model", (2 * 32) / 16],
      ["Scoring with the language model: llm", 120],
    ],
  ],
  [
    "p5",
    [
      ["Pre-training T5 on all prompts", 96 / 16],
      ["Scoring with the language model: llm", 120],
    ],
  ],
] as const)(
  "%s is measured part by part, each with the steps that it will make",
  async (recipe, expected) => {
    const before = await readdir(baseFolder);
    const cacheFolder = await mkdtemp(join(tmpdir(), "corella-dry-cache-"));
    const notes: string[] = [];
    const { parts, totalMs, peakBytes } = await dryRun(
      { ...smallConfig, recipe },
      { baseFolder, cacheFolder, listener: { note: (text) => notes.push(text) } },
    );
    expect(parts.slice(0, -1).map(({ title, steps }) => [title, steps])).toEqual(expected);
    for (const part of parts.slice(0, -1)) {
      expect(part.stepMs).toBeGreaterThan(0);
      expect(part.totalMs).toBeGreaterThanOrEqual(part.stepMs * part.steps * 0.999);
    }
    expect(parts.at(-1)).toMatchObject({ title: "All else", steps: 0 });
    expect(totalMs).toBeCloseTo(
      parts.reduce((sum, part) => sum + part.totalMs, 0),
      6,
    );
    // A process with models in it; not in kilobytes, not in bytes of one array.
    expect(peakBytes).toBeGreaterThan(2 ** 26);
    expect(parts.map((part) => part.peakBytes)).toEqual(
      parts.map((part) => part.peakBytes).toSorted((a, b) => a - b),
    );
    expect(notes).toContain(`Measuring: ${expected[0][0]}`);
    expect(notes.filter((text) => /AUC \d/.test(text))).toEqual([]);
    expect(await readdir(baseFolder)).toEqual(before);
  },
);
