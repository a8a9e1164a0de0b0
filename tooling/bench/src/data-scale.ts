// Prepares synthetic logs of growing size, each in a process of its own, cold and again warm; one JSON line a size.
// node --conditions=source --import tsx tooling/bench/src/data-scale.ts <folder> 1e6 1e7 1e8
// Logs lie in the folder as CSV (27 bytes a row) and are made where they are missing.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { DuckDBInstance } from "@duckdb/node-api";
import { type DataConfigInput, prepareLog, type PreparedLog } from "@corella/modality";

const [folder = "", ...sizes] = process.argv.slice(2);
if (sizes[0] === "prepare") await prepare(sizes[1]!);
else for (const size of sizes) await measure(resolve(folder), Number(size));

async function measure(into: string, rows: number): Promise<void> {
  await mkdir(into, { recursive: true });
  const path = join(into, `ratings-${rows}.csv`);
  if (!existsSync(path)) await makeLog(path, rows);
  const [cold, warm] = [0, 1].map(() => {
    const own = ["--conditions=source", "--import", "tsx", fileURLToPath(import.meta.url)];
    return execFileSync(process.execPath, [...own, into, "prepare", path], { encoding: "utf8" }).trim();
  });
  process.stdout.write(`{"rows":${rows},"cold":${cold},"warm":${warm}}\n`);
  await rm(join(into, "cache"), { recursive: true });
}

/** One user for 100 rows; items with a long tail, one for 1,000 rows; times at random within three years. */
async function makeLog(path: string, rows: number): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "2", memory_limit: "2GB" });
  const connection = await instance.connect();
  const unfinished = `${path}.unfinished`;
  await connection.run(`COPY (
    SELECT 'u' || (hash(i) % ${Math.ceil(rows / 100)})::VARCHAR AS user_id,
      'i' || floor(${Math.max(1000, rows / 1000)} * power((hash(i + 7) % 1000003) / 1000003.0, 2))::BIGINT AS item_id,
      1 + hash(i + 13) % 5 AS rating, 1300000000 + hash(i + 29) % 100000000 AS time
    FROM range(${rows}) x(i)) TO '${unfinished}' (FORMAT csv, HEADER false)`);
  connection.closeSync();
  await rename(unfinished, path);
}

async function prepare(path: string): Promise<void> {
  const config: DataConfigInput = {
    source: { ratings: { path, columns: { user: 0, item: 1, rating: 2, time: 3 } } },
    label: { threshold: 4 },
  };
  const startedMs = performance.now();
  const { log, reused }: PreparedLog = await prepareLog(config, { cacheFolder: join(folder, "cache") });
  const { user, system } = process.cpuUsage();
  const figures = {
    size: log.size,
    reused,
    seconds: round((performance.now() - startedMs) / 1000),
    cpuSeconds: round((user + system) / 1e6),
    peakMegabytes: round(process.resourceUsage().maxRSS / 1024),
  };
  process.stdout.write(JSON.stringify(figures));
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
