import { readFileSync } from "node:fs";
import { onnxRuntime, quantizationError, type Precision, type Program } from "@corella/engine";
import { createScorer, decoder, loadPretrained, openPretrained, yesNoIds } from "@corella/llm";

/**
 * The most memory that a process holds while it loads a model and compiles it for scoring, one precision a process.
 *
 *     node --conditions=source --import tsx tooling/bench/src/experiments/loading-memory.ts model.gguf int8 [whole]
 *
 * `whole` loads all weights in float32 first. MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=65536
 * keep glibc from holding what was freed.
 */
const [path, precision, how] = process.argv.slice(2) as [string, Precision | "none", string | undefined];

function memory(): { readonly now: number; readonly peak: number } {
  const status = readFileSync("/proc/self/status", "utf8");
  const megabytes = (key: string): number => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)![1]) / 1024;
  return { now: megabytes("VmRSS"), peak: megabytes("VmHWM") };
}

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
const before = memory();
const values = how === "whole" ? (await loadPretrained(path)).values : opened.weights;
const loaded = memory();
const options = precision === "none" || precision === "float32" ? {} : { precision: () => precision };
const scorer =
  precision === "none"
    ? undefined
    : await createScorer({ config, values, tokenizer, answers, runtime, ...options });
const compiled = memory();
const [score] = (await scorer?.score(["Will it rain? Answer: "])) ?? [];
const scored = memory();

// Counted at the end, because it needs all weights.
const { values: all } = await loadPretrained(path);
const kind = precision === "none" ? "float32" : precision;
const errors = quantizationError(program, all, () => kind);
const weights = Object.values(errors).reduce((sum, { bytes }) => sum + bytes, 0) / 2 ** 20;
const above = (megabytes: number): number => Math.round(megabytes - before.now);
process.stdout.write(
  `${JSON.stringify({
    precision,
    how: how ?? "read",
    weightsMb: Math.round(weights),
    loadedPeakMb: above(loaded.peak),
    compiledPeakMb: above(compiled.peak),
    scoredMb: above(scored.now),
    score,
  })}\n`,
);
