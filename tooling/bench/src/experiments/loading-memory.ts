import { Worker } from "node:worker_threads";
import { onnxRuntime, type Precision, type Program } from "@corella/engine";
import { quantizationError } from "@corella/engine/testing";
import { createScorer, decoder, loadPretrained, openPretrained, yesNoIds } from "@corella/llm";
import { processMemory, restartPeak, type ProcessMemory } from "../process-memory.ts";

/**
 * The most memory that a process holds while it loads a model and compiles it for scoring, one precision a process.
 *
 *     node --conditions=source --import tsx tooling/bench/src/experiments/loading-memory.ts model.gguf int8 [whole]
 *
 * `whole` loads all weights in float32 first. MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=65536
 * keep glibc from holding what was freed.
 */
const [path, precision, how] = process.argv.slice(2) as [string, Precision, string | undefined];

// Opening a session blocks this thread; the system itself notes the peak of all memory only.
const peaks = new Float64Array(new SharedArrayBuffer(16));
const watcher = new Worker(
  `const { workerData } = require("node:worker_threads");
  const { readFileSync } = require("node:fs");
  setInterval(() => {
    const status = readFileSync("/proc/self/status", "utf8");
    ["VmRSS", "RssAnon"].forEach((key, i) => {
      workerData[i] = Math.max(workerData[i], Number(new RegExp(key + ":\\\\s+(\\\\d+)").exec(status)[1]) / 1024);
    });
  }, 2);`,
  { eval: true, workerData: peaks },
);
await new Promise((resolve) => watcher.once("online", resolve));

const runtime = onnxRuntime({ threads: 1, spinning: false });
const opened = await openPretrained(path);
const { config } = opened;
const tokenizer = opened.tokenizer!;
const answers = await yesNoIds(tokenizer, "Answer: ");
const part = decoder(config, { answers });
const program: Program = {
  ...part,
  forward: (scope) => ({ outputs: { logits: part.forward(scope).yesNoLogits } }),
};
const before = processMemory();
const values = how === "whole" ? (await loadPretrained(path)).values : opened.weights;
const options = precision === "float32" ? {} : { precision: () => precision };
peaks.fill(0);
restartPeak();
const start = performance.now();
const scorer = await createScorer({ config, values, tokenizer, answers, runtime, ...options });
const seconds = (performance.now() - start) / 1000;
const compiled = processMemory();
const peak = { all: compiled.peak, anonymous: peaks[1]! };
const [score] = await scorer.score(["Will it rain? Answer: "]);
const scored = processMemory();
await watcher.terminate();

// Counted at the end, because it needs all weights.
const errors = quantizationError(program, (await loadPretrained(path)).values, () => precision);
await opened.weights.close();
const weights = Object.values(errors).reduce((sum, { bytes }) => sum + bytes, 0) / 2 ** 20;
const above = (kind: keyof ProcessMemory, now: Partial<ProcessMemory>): number =>
  Math.round(now[kind]! - before[kind]);
process.stdout.write(
  `${JSON.stringify({
    precision,
    how: how ?? "read",
    seconds: Number(seconds.toFixed(1)),
    weightsMb: Math.round(weights),
    peakMb: above("all", peak),
    anonymousPeakMb: above("anonymous", peak),
    byWeights: Number((above("all", peak) / weights).toFixed(2)),
    compiled: [above("all", compiled), above("anonymous", compiled), above("mapped", compiled)],
    scored: [above("all", scored), above("anonymous", scored), above("mapped", scored)],
    score,
  })}\n`,
);
