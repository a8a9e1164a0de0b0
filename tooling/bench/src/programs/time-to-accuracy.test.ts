import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseRunConfig, prepareData, type PreparedData, type RunConfig } from "@corella/alignment";
import { onnxRuntime } from "@corella/engine";
import { expect, test } from "vitest";
import { timeToAccuracy } from "./time-to-accuracy.ts";

/** Users like the films of their own parity. */
async function small(): Promise<{ config: RunConfig; data: PreparedData }> {
  const folder = mkdtempSync(join(tmpdir(), "corella-time-"));
  const rows = Array.from({ length: 400 }, (_, i) => {
    const [user, item] = [i % 13, (i * 7 + Math.floor(i / 12)) % 20];
    return `${user},${item},${user % 2 === item % 2 ? 5 : 2},${1000 + i}`;
  });
  writeFileSync(join(folder, "ratings.csv"), rows.join("\n"));
  const config = parseRunConfig(
    {
      data: {
        source: { ratings: { path: "ratings.csv", columns: { user: 0, item: 1, rating: 2, time: 3 } } },
        label: { threshold: 4 },
      },
      features: [
        { name: "user", type: "categorical", field: "user" },
        { name: "item", type: "categorical", field: "item" },
      ],
      recipe: "crm-only",
      crm: { model: "DCNv2", embeddingDim: 4, crossLayers: 1, parallelUnits: [8] },
      // Patience of one validation would end it at once.
      stages: { warmUp: { epochs: 6, batchSize: 32, learningRate: 0.02, patience: 1 } },
    },
    "test",
  );
  return { config, data: await prepareData(config, folder, folder) };
}

test("time runs until the first validation above the target, or to the end of all epochs", async () => {
  const { config, data } = await small();
  const runtime = onnxRuntime({ threads: 1 });
  const never = await timeToAccuracy(config, data, runtime, { target: 1, validationsPerEpoch: 2 });
  expect(never.seconds).toBeNull();
  expect(never.epochs).toBe(6);
  // One before the first step, two an epoch.
  expect(never.validations).toHaveLength(13);
  const { seconds } = never.validations.at(-1)!;
  expect(never.buildSeconds).toBeLessThan(seconds);

  // The same course again, up to the first validation that is above the target.
  const target = never.validations[4]!.auc - 1e-9;
  const passing = never.validations.find(({ auc }) => auc > target)!;
  const passed = await timeToAccuracy(config, data, runtime, { target, validationsPerEpoch: 2 });
  expect(passed.epochs).toBe(passing.epoch);
  expect(passed.validations.at(-1)!.auc).toBe(passing.auc);
  expect(passed.seconds).toBe(passed.validations.at(-1)!.seconds);
  expect(readdirSync(data.cacheFolder).filter((name) => name.startsWith("time-"))).toEqual([]);
});
