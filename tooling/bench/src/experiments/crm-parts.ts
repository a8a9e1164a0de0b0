// Writes the samples of a run's configuration as FuxiCTR's peer script reads them: shards of each part, and parts.json.
// node --conditions=source --import tsx tooling/bench/src/experiments/crm-parts.ts configs/ml-1m.yaml <folder>
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { loadRunConfig, prepareData } from "@corella/alignment";
import { prepareSamples } from "@corella/modality";

const [path = "", into = ""] = process.argv.slice(2);
const { config, baseFolder } = await loadRunConfig(path);
const cacheFolder = resolve(into, "cache");
await mkdir(cacheFolder, { recursive: true });
const { log, split, featureMap } = await prepareData(config, baseFolder, cacheFolder);
const folders: Record<string, string> = {};
for (const [part, rows] of Object.entries({
  train: split.train,
  valid: split.validation,
  test: split.test,
})) {
  const samples = await prepareSamples(featureMap, log, rows, { cacheFolder });
  folders[part] = samples.folder;
}
await writeFile(join(into, "parts.json"), JSON.stringify({ features: featureMap.features, folders }));
