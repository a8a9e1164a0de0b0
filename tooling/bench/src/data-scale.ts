// Synthetic logs of growing size, each in a process of its own; one JSON line a size.
// node --conditions=source --import tsx tooling/bench/src/data-scale.ts <folder> 1e6 1e7 1e8             preparing, cold and again warm
// node --conditions=source --import tsx tooling/bench/src/data-scale.ts <folder> statistics 1e6 1e7 1e8  the running statistics
// Logs lie in the folder as CSV (27 bytes a row) and are made where they are missing.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { DuckDBInstance } from "@duckdb/node-api";
import {
  type DataConfigInput,
  type FeatureConfig,
  fitFeatureMap,
  type InteractionLog,
  prepareLog,
  type PreparedLog,
  prepareSamples,
  readBatches,
  statisticsAtEnd,
  statisticsToFiles,
} from "@corella/modality";
import { parse } from "yaml";

const [folder = "", ...rest] = process.argv.slice(2);
if (rest[0] === "prepare") await prepare(rest[1]!);
else if (rest[0] === "count") await count(rest[1]!);
else if (rest[0] === "statistics")
  for (const size of rest.slice(1)) await measureStatistics(resolve(folder), Number(size));
else for (const size of rest) await measure(resolve(folder), Number(size));

async function measure(into: string, rows: number): Promise<void> {
  const path = await logOf(into, rows);
  const [cold, warm] = [0, 1].map(() => inOwnProcess(into, "prepare", path));
  process.stdout.write(`{"rows":${rows},"cold":${cold},"warm":${warm}}\n`);
  await rm(join(into, "cache"), { recursive: true });
}

async function measureStatistics(into: string, rows: number): Promise<void> {
  const path = await logOf(into, rows);
  inOwnProcess(into, "prepare", path);
  process.stdout.write(`{"rows":${rows},"statistics":${inOwnProcess(into, "count", path)}}\n`);
  await rm(join(into, "cache"), { recursive: true });
}

function inOwnProcess(into: string, what: "prepare" | "count", path: string): string {
  const own = ["--conditions=source", "--import", "tsx", fileURLToPath(import.meta.url)];
  return execFileSync(process.execPath, [...own, into, what, path], { encoding: "utf8" }).trim();
}

async function logOf(into: string, rows: number): Promise<string> {
  await mkdir(into, { recursive: true });
  const path = join(into, `ratings-${rows}.csv`);
  if (!existsSync(path) || !existsSync(itemsOf(path))) await makeLog(path, rows);
  return path;
}

function itemsOf(path: string): string {
  return path.replace("ratings-", "items-");
}

/** One user for 100 rows; items with a long tail, one for 1,000 rows; times at random within three years; items have a year and two genres. */
async function makeLog(path: string, rows: number): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "2", memory_limit: "2GB" });
  const connection = await instance.connect();
  const unfinished = `${path}.unfinished`;
  await connection.run(`COPY (
    SELECT 'u' || (hash(i) % ${Math.ceil(rows / 100)})::VARCHAR AS user_id,
      'i' || floor(${Math.max(1000, rows / 1000)} * power((hash(i + 7) % 1000003) / 1000003.0, 2))::BIGINT AS item_id,
      1 + hash(i + 13) % 5 AS rating, 1300000000 + hash(i + 29) % 100000000 AS time
    FROM range(${rows}) x(i)) TO '${unfinished}' (FORMAT csv, HEADER false)`);
  await connection.run(`COPY (
    SELECT 'i' || i AS item_id, 1950 + hash(i + 3) % 70 AS year,
      'g' || hash(i + 5) % 9 || '|h' || hash(i + 11) % 9 AS genres
    FROM range(${Math.max(1000, rows / 1000)}) x(i)) TO '${itemsOf(path)}' (FORMAT csv, HEADER false)`);
  connection.closeSync();
  await rename(unfinished, path);
}

function configOf(path: string): DataConfigInput {
  return {
    source: {
      ratings: { path, columns: { user: 0, item: 1, rating: 2, time: 3 } },
      items: {
        path: itemsOf(path),
        columns: { item: 0, year: 1, genres: { column: 2, type: "list", separator: "|" } },
      },
    },
    label: { threshold: 4 },
  };
}

async function prepare(path: string): Promise<void> {
  const startedMs = performance.now();
  const { log, reused }: PreparedLog = await prepareLog(configOf(path), {
    cacheFolder: join(folder, "cache"),
  });
  const figures = { size: log.size, reused, seconds: round((performance.now() - startedMs) / 1000) };
  process.stdout.write(JSON.stringify({ ...figures, ...costs() }));
}

/** CPU seconds and the most memory of this process so far. */
function costs(): { cpuSeconds: number; peakMegabytes: number } {
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: round((user + system) / 1e6),
    peakMegabytes: round(process.resourceUsage().maxRSS / 1024),
  };
}

/** The statistics of the preset of MovieTweetings: what each step takes, all so far in the peak. */
async function count(path: string): Promise<void> {
  const cacheFolder = join(folder, "cache");
  const preset = new URL("../../../configs/movietweetings.yaml", import.meta.url);
  const { features } = parse(await readFile(preset, "utf8")) as { features: FeatureConfig[] };
  const statistics = features.filter(({ type }) => type === "statistic");
  const { log } = await prepareLog(configOf(path), { cacheFolder });
  const train = Uint32Array.from({ length: Math.floor(0.8 * log.size) }, (_, row) => row);
  const read = costs();
  const featureMap = fitFeatureMap(statistics, log, train, { scratchFolder: cacheFolder });
  const fitted = costs();
  const { tensors } = statisticsToFiles(statisticsAtEnd(featureMap.statistics!, log));
  const state = Object.values(tensors).map(({ data }) => data.byteLength);
  const saved = costs();
  await prepareSamples(featureMap, log, train, { cacheFolder, scatterSeed: 1 });
  const sampled = costs();
  const bytes = state.reduce((sum, each) => sum + each, 0);
  const figures = {
    statistics: statistics.length,
    stateMegabytes: round(bytes / 2 ** 20),
    read,
    fitted,
    saved,
    sampled,
  };
  const readings = log.size > 2e7 ? {} : { samplesPerCpuSecond: await readingRates(log, train, statistics) };
  process.stdout.write(JSON.stringify({ ...figures, ...readings }));
}

/** Samples a CPU second of shuffled batches from shards, without and with the statistics: medians of five epochs in turn. */
async function readingRates(
  log: InteractionLog,
  train: Uint32Array,
  statistics: readonly FeatureConfig[],
): Promise<{ without: number; with: number }> {
  const cacheFolder = join(folder, "cache");
  const sequences: FeatureConfig[] = [
    { name: "user", type: "categorical", field: "user" },
    { name: "item", type: "categorical", field: "item" },
    {
      name: "items",
      type: "sequence",
      field: "history.item",
      maxLength: 30,
      pooling: "mean",
      shareWith: "item",
    },
    { name: "ratings", type: "sequence", field: "history.rating", maxLength: 30, pooling: "mean" },
  ];
  const prepared = [];
  for (const features of [sequences, [...sequences, ...statistics]]) {
    const featureMap = fitFeatureMap(features, log, train, { scratchFolder: cacheFolder });
    prepared.push(await prepareSamples(featureMap, log, train, { cacheFolder, scatterSeed: 1 }));
  }
  const rates: [number[], number[]] = [[], []];
  for (let epoch = 0; epoch < 5; epoch++)
    for (const [i, samples] of prepared.entries()) {
      const before = process.cpuUsage();
      for await (const _ of readBatches(samples, { batchSize: 4096, shuffleSeed: 1, epoch }));
      const { user, system } = process.cpuUsage(before);
      rates[i]!.push(samples.size / ((user + system) / 1e6));
    }
  const [without, withThem] = rates.map((of) => round(of.sort((a, b) => a - b)[2]!));
  return { without: without!, with: withThem! };
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
