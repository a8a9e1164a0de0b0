// The eight running numbers of every row, ours beside those of tooling/reference/running_statistics.py (numpy, pandas): the
// largest differences, under both rules for ties.
// node --conditions=source --import tsx tooling/bench/src/experiments/statistics-reference.ts <python> mt data/movietweetings-100k
// node --conditions=source --import tsx tooling/bench/src/experiments/statistics-reference.ts <python> ml ml-1m.zip
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  fitFeatureMap,
  type InteractionLog,
  loadLog,
  movieLens1M,
  movieTweetings,
  recordsAt,
  splitLog,
  type StatisticConfig,
} from "@corella/modality";

const [python = "", which = "", path = ""] = process.argv.slice(2);
const script = fileURLToPath(new URL("../../../reference/running_statistics.py", import.meta.url));
const eight: StatisticConfig[] = (["item", "user"] as const).flatMap((by): StatisticConfig[] => [
  { name: `${by}_mean`, type: "statistic", value: "mean", by },
  { name: `${by}_count`, type: "statistic", value: "count", by },
  { name: `${by}_liked`, type: "statistic", value: "mean", of: "label", by },
  { name: `${by}_deviation`, type: "statistic", value: "deviation", by },
]);
const keys = 3; // user, item and time stand before the eight

const config = which === "mt" ? movieTweetings(path) : movieLens1M(path);
const loaded = await loadLog(config);
const { train } = splitLog(loaded, config);
const into = await mkdtemp(join(tmpdir(), "corella-statistics-"));
for (const ties of ["order", "exclude"] as const) {
  const log: InteractionLog = { ...loaded, history: { ...loaded.history, ties } };
  const reference = await byPython(log, ties);
  const featureMap = fitFeatureMap(eight, log, train);
  const { statistics } = featureMap.statistics!;
  const worst = new Map<string, number>();
  const chunk = 10_000;
  for (let start = 0; start < log.size; start += chunk) {
    const rows = Uint32Array.from({ length: Math.min(chunk, log.size - start) }, (_, i) => start + i);
    for (const [i, { user, item, time, statistics: ours }] of recordsAt(log, rows, featureMap).entries()) {
      const row = start + i;
      const expected = (column: number): number => reference[column * log.size + row]!;
      if (Number(user) !== expected(0) || Number(item) !== expected(1) || time !== expected(2))
        throw new Error(`row ${row} is of user ${user}, item ${item}, time ${time}`);
      for (const [s, { name, empty }] of statistics.entries()) {
        const value = expected(keys + s);
        const difference = Math.abs((ours![name] ?? empty!) - value) / Math.max(1, Math.abs(value));
        worst.set(name, Math.max(worst.get(name) ?? 0, difference));
      }
    }
  }
  process.stdout.write(`${which}, ${log.size} rows, ties ${ties}\n`);
  for (const [name, difference] of worst) process.stdout.write(`  ${name} ${difference.toExponential(1)}\n`);
}
await rm(into, { recursive: true });

/** The reference's columns; the means are those of our training samples, summed here. */
async function byPython(log: InteractionLog, ties: "order" | "exclude"): Promise<Float64Array> {
  const mean = (column: ArrayLike<number>): string =>
    String(train.reduce((sum, row) => sum + column[row]!, 0) / train.length);
  const out = join(into, `${ties}.f64`);
  const ratings = which === "mt" ? join(path, "ratings.dat") : path;
  const settings = ["--out", out, "--ties", ties, "--threshold", String(log.likedThreshold)];
  const means = ["--mean-rating", mean(log.rating), "--mean-label", mean(log.label)];
  execFileSync(python, [script, ratings, ...settings, ...means], { stdio: "inherit" });
  const { buffer, byteOffset, byteLength } = await readFile(out);
  return new Float64Array(buffer.slice(byteOffset, byteOffset + byteLength));
}
