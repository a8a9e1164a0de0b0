import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onnxRuntime, type Precision, type Program, type ValueReader } from "@corella/engine";
import { createGenerator } from "@corella/random";
import {
  isLoraParam,
  decoderParams,
  packedDecoder,
  packedFeeds,
  parseDecoderConfig,
  saveAdapter,
  twoWayProgram,
  type DecoderConfig,
} from "@corella/llm";
import { processMemory, restartPeak } from "../process-memory.ts";

/**
 * The shape of Llama-2-7b-chat with random weights: all 32 blocks are traced and compiled without weights; one block, or
 * as many as are asked for, is scored and written as a file, and takes LoRA steps on its frozen weights. Time and memory
 * of each.
 *
 *     node --conditions=source --import tsx tooling/bench/src/experiments/llama-7b.ts [blocks] [int4|int8|float32]
 */
const blocks = Number(process.argv[2] ?? 1);
const kind = (process.argv[3] ?? "int4") as Precision;
const whole: DecoderConfig = parseDecoderConfig(
  {
    model_type: "llama",
    vocab_size: 32_000,
    hidden_size: 4096,
    intermediate_size: 11_008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 32,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: false,
  },
  "Llama-2-7b-chat",
);
const config: DecoderConfig = { ...whole, layers: blocks };
/** As this model's tokenizer has them. */
const answers = { yes: 3869, no: 1939 };
const lora = { rank: 8, alpha: 16 };
const runtime = onnxRuntime({ threads: 2, spinning: false });
const precision = (): Precision => kind;
const random = createGenerator(1, "tokens");
const prefix = Array.from({ length: 100 }, () => 3 + random.integer(31_000));
const sequences = Array.from({ length: 4 }, () => [
  ...prefix,
  ...Array.from({ length: 40 }, () => 3 + random.integer(31_000)),
]);

// To draw hundreds of millions of numbers takes longer than all that is measured: a million are repeated.
const tile = Float32Array.from({ length: 1_000_003 }, () => random.normal() * 0.02);
const params = decoderParams(config);
const base: ValueReader = {
  async read(name, rows) {
    const [count, width = 1] = params[name]!.shape as [number, number?];
    const [begin, end] = rows ?? [0, count];
    const array = new Float32Array((end - begin) * width);
    for (let start = 0; start < array.length; start += tile.length)
      array.set(tile.subarray(0, Math.min(tile.length, array.length - start)), start);
    return array;
  },
};
const weights = Object.values(params).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
const model = `${blocks} ${blocks === 1 ? "block" : "blocks"} (${(weights / 1e6).toFixed(0)}M weights) in ${kind}`;

function scoring(shape: DecoderConfig): Program {
  const part = packedDecoder(shape, { answers });
  return { ...part, forward: (scope) => ({ outputs: { logits: part.forward(scope).yesNoLogits } }) };
}

let start = performance.now();
/** Time since the last report, memory now and at most since then. */
function report(what: string): void {
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const { all, peak } = processMemory();
  process.stdout.write(`${what}: ${seconds} s, ${all.toFixed(0)} MB now, ${peak.toFixed(0)} MB at most\n`);
  restartPeak();
  start = performance.now();
}

const folder = await mkdtemp(join(tmpdir(), "corella-7b-"));
async function megabytesOf(begin: string): Promise<string> {
  const files = (await readdir(folder)).filter((file) => file.startsWith(begin));
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size));
  return (sizes.reduce((a, b) => a + b, 0) / 2 ** 20).toFixed(0);
}

report("before");
const traced = await runtime.infer(scoring(whole), {}, { live: true });
report("32 blocks traced and compiled, weights to be fed");
await traced.dispose();

const inference = await runtime.infer(scoring(config), base, { precision });
report(`${model}, read and compiled`);
const { logits } = await inference.run(packedFeeds(sequences));
report(`scored 4 prompts of 140 tokens: ${Array.from(logits!.data, (logit) => logit.toFixed(2)).join(", ")}`);
await inference.exportOnnx(join(folder, "model.onnx"));
report(`written as a file of ${await megabytesOf("model")} MB`);
await inference.dispose();

const trainer = await runtime.train(twoWayProgram(packedDecoder(config, { answers, lora })), {
  seed: 1,
  frozen: base,
  precision,
  optimizer: (name) => (isLoraParam(name) ? { kind: "adamw", learningRate: 1e-3 } : null),
});
report(`${model}, compiled for LoRA of rank ${lora.rank} on q and v`);
const label = { shape: [4], data: Float32Array.of(1, 0, 1, 0) };
for (let step = 1; step <= 3; step++) {
  const { loss } = await trainer.step({ ...packedFeeds(sequences), label });
  report(`LoRA step ${step}: loss ${loss.toFixed(4)}`);
}
await trainer.exportOnnx(join(folder, "step.onnx"));
report(`the step written as a file of ${await megabytesOf("step")} MB`);
await saveAdapter(join(folder, "adapter"), { config, lora, values: trainer.values });
report("adapter saved");
await trainer.dispose();
await rm(folder, { recursive: true });
