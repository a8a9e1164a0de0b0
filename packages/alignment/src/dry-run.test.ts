import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { dryRun } from "./dry-run.ts";
import { smallConfig } from "./recipes/small-run.test-helper.ts";
import { writeSmallData } from "./small-data.test-helper.ts";

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
      ["Scoring with the language model: llm", 60],
    ],
  ],
] as const)(
  "%s is measured part by part, each with the steps that it will make",
  async (recipe, expected) => {
    const baseFolder = await mkdtemp(join(tmpdir(), "corella-dry-"));
    await writeSmallData(baseFolder);
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
