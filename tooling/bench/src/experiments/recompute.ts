import { onnxRuntime, type Precision } from "@corella/engine";
import { createGenerator } from "@corella/random";
import {
  decoder,
  isLoraParam,
  loadPretrained,
  packedDecoder,
  packedFeeds,
  paddedFeeds,
  twoWayProgram,
} from "@corella/llm";
import { processMemory } from "../process-memory.ts";

/**
 * Memory and time of a LoRA step (q and v, rank 8) that keeps all activations, or recomputes each block: one way a
 * process, on one thread.
 *
 *     node --conditions=source --import tsx tooling/bench/src/experiments/recompute.ts model.gguf recompute [prompts] [tokens] [padded|packed] [precision] [dropout]
 *
 * The second argument is `keep` or `recompute`. Prompts are of random tokens; packed ones share nothing. Loss and a sum
 * of the adapter's values after the steps show that both ways compute the same.
 */
const [path, way, count = "16", length = "142", layout = "padded", precision = "float32", dropout = "0"] =
  process.argv.slice(2) as [string, "keep" | "recompute", ...string[]];
const steps = 4;

const runtime = onnxRuntime({ threads: 1, spinning: false });
const { config, values } = await loadPretrained(path);
const options = {
  answers: { yes: 1, no: 2 },
  lora: { rank: 8, alpha: 16, dropout: Number(dropout) },
  recompute: way === "recompute",
};
const trainer = await runtime.train(
  twoWayProgram(layout === "packed" ? packedDecoder(config, options) : decoder(config, options)),
  {
    seed: 1,
    values: { ...values },
    optimizer: (name) => (isLoraParam(name) ? { kind: "adamw", learningRate: 1e-4 } : null),
    ...(precision === "float32" ? {} : { precision: () => precision as Precision }),
  },
);
const random = createGenerator(1, "tokens");
const sequences = Array.from({ length: Number(count) }, () =>
  Int32Array.from({ length: Number(length) }, () => random.integer(config.vocabularySize)),
);
const feeds = layout === "packed" ? packedFeeds(sequences) : paddedFeeds(sequences);
const label = { shape: [sequences.length], data: Float32Array.from(sequences, (_, i) => i % 2) };

globalThis.gc?.();
const before = processMemory();
const losses: number[] = [];
const peaks: number[] = [];
/** Of the processor: other work on the machine does not count. */
const seconds: number[] = [];
for (let step = 0; step < steps; step++) {
  const start = process.cpuUsage();
  losses.push((await trainer.step({ ...feeds, label })).loss);
  const { user, system } = process.cpuUsage(start);
  seconds.push((user + system) / 1e6);
  peaks.push(Math.round(processMemory().peak - before.all));
}
const sum = Object.entries(trainer.values)
  .filter(([name]) => isLoraParam(name))
  .reduce((total, [, array]) => total + array.reduce((part, value) => part + value, 0), 0);
process.stdout.write(
  `${JSON.stringify({
    way,
    layout,
    precision,
    dropout,
    loadedMb: Math.round(before.all),
    peakAboveMb: peaks,
    peakBeforeMb: Math.round(before.peak),
    cpuSeconds: seconds.map((value) => Number(value.toFixed(2))),
    losses,
    sum,
  })}\n`,
);
await trainer.dispose();
