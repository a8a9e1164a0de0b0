import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeVectors } from "@corella/modality";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { planTrials } from "../tuning/plan.ts";
import { configForFolder, loadRunConfig } from "./load-config.ts";

const folder = mkdtempSync(join(tmpdir(), "corella-vectors-paths-"));
const items = ["i0", "i1", "i2"];

beforeAll(async () => {
  mkdirSync(join(folder, "a"));
  writeFileSync(
    join(folder, "a/ratings.csv"),
    Array.from({ length: 20 }, (_, i) => `u${i % 3},i${i % 3},${i % 5},${86_400 * (i + 1)}`).join("\n"),
  );
  await writeVectors(join(folder, "a/v.safetensors"), { items, values: Float32Array.of(1, 2, 3) });
  writeFileSync(
    join(folder, "a/run.yaml"),
    `data:
  source: { ratings: { path: ratings.csv, columns: { user: 0, item: 1, rating: 2, time: 3 } } }
  label: { threshold: 3 }
features: [{ name: text, type: text, vectors: v.safetensors }]
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

test("the vectors of a resolved configuration are found from its folder", async () => {
  const loaded = await loadRunConfig(join(folder, "a/run.yaml"));
  const { features } = parse(configForFolder(loaded, join(folder, "runs/x"))) as { features: unknown };
  expect(features).toEqual([{ name: "text", type: "text", vectors: "../../a/v.safetensors" }]);
});

test("other vectors make another trial, another place does not", async () => {
  cpSync(join(folder, "a"), join(folder, "b"), { recursive: true });
  const keyIn = async (place: string): Promise<string> => {
    const { config } = await loadRunConfig(join(folder, place, "run.yaml"));
    const [trial] = await planTrials(config, [{}], {
      baseFolder: join(folder, place),
      cacheFolder: join(folder, "cache"),
      trialsFolder: join(folder, "trials"),
      place,
    });
    return trial!.key;
  };
  const first = await keyIn("a");
  expect(await keyIn("b")).toBe(first);
  await writeVectors(join(folder, "b/v.safetensors"), { items, values: Float32Array.of(1, 2, 4) });
  expect(await keyIn("b")).not.toBe(first);
});
