// Saves and loads a checkpoint with one big table, and says how long that takes and how much memory. Usage, from tooling/bench:
//   node --conditions=source --import tsx src/experiments/big-checkpoint.ts <GiB> <folder>
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { loadCheckpoint, saveCheckpoint } from "@corella/engine";

const [gib = "3", parent = "."] = process.argv.slice(2);
const dim = 16;
const rows = Math.floor((Number(gib) * 2 ** 30) / 4 / dim);
const folder = join(parent, "big-checkpoint");

let peak = 0;
const watch = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, 50);

async function timed<Result>(what: string, run: () => Promise<Result>): Promise<Result> {
  peak = 0;
  const before = process.memoryUsage.rss();
  const start = performance.now();
  const result = await run();
  const seconds = (performance.now() - start) / 1000;
  const grown = (Math.max(peak, process.memoryUsage.rss()) - before) / 2 ** 30;
  process.stdout.write(
    `${what}: ${seconds.toFixed(1)} s, ${(Number(gib) / seconds).toFixed(2)} GiB/s, memory grew by ${grown.toFixed(2)} GiB\n`,
  );
  return result;
}

const table = new Float32Array(rows * dim);
for (let i = 0; i < table.length; i++) table[i] = i % 16_777_213;
const state = { step: 1, values: { table }, shapes: { table: [rows, dim] }, slots: {} };
try {
  await timed(`save ${gib} GiB`, () => saveCheckpoint(folder, { states: { model: state }, progress: {} }));
  const loaded = await timed(`load ${gib} GiB`, () => loadCheckpoint(folder));
  const read = loaded!.states["model"]!.values["table"]!;
  let wrong = read.length === table.length ? 0 : 1;
  for (let i = 0; i < table.length; i++) if (read[i] !== table[i]) wrong += 1;
  process.stdout.write(`${wrong} of ${table.length} elements differ\n`);
  if (wrong > 0) process.exitCode = 1;
} finally {
  clearInterval(watch);
  await rm(folder, { recursive: true, force: true });
}
