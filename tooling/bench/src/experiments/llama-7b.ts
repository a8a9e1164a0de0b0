import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGenerator, initialValues, onnxRuntime, type Program, type ValueReader } from "@corella/engine";
import {
  decoder,
  isLoraParam,
  packedDecoder,
  packedFeeds,
  parseLlamaConfig,
  saveAdapter,
  twoWayProgram,
  type LlamaConfig,
} from "@corella/llm";

/**
 * The shape of Llama-2-7b-chat with random weights: all 32 blocks are traced and compiled without weights; one block is
 * scored and written as a file in 4 bits, and takes a LoRA step on 4-bit weights. Time and memory of each.
 *
 *     node --conditions=source --import tsx tooling/bench/src/experiments/llama-7b.ts
 */
const whole: LlamaConfig = parseLlamaConfig(
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
const blocks = 1;
const config: LlamaConfig = { ...whole, layers: blocks };
/** As this model's tokenizer has them. */
const answers = { yes: 3869, no: 1939 };
const lora = { rank: 8, alpha: 16 };
const runtime = onnxRuntime({ threads: 2, spinning: false });
const precision = (): "int4" => "int4";
const random = createGenerator(1, "tokens");
const prefix = Array.from({ length: 100 }, () => 3 + random.integer(31_000));
const sequences = Array.from({ length: 4 }, () => [
  ...prefix,
  ...Array.from({ length: 40 }, () => 3 + random.integer(31_000)),
]);

function scoring(shape: LlamaConfig): Program {
  const part = packedDecoder(shape, { answers });
  return { ...part, forward: (scope) => ({ outputs: { logits: part.forward(scope).yesNoLogits } }) };
}

let start = performance.now();
function report(what: string): void {
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const { rss } = process.memoryUsage();
  const peak = process.resourceUsage().maxRSS / 1024;
  process.stdout.write(
    `${what}: ${seconds} s, ${(rss / 2 ** 20).toFixed(0)} MB now, ${peak.toFixed(0)} MB at most\n`,
  );
  start = performance.now();
}

const traced = await runtime.infer(scoring(whole), {}, { live: true });
report("32 blocks traced and compiled, weights to be fed");
await traced.dispose();

const program = scoring(config);
const tile = Float32Array.from({ length: 1_000_003 }, () => random.normal() * 0.02);
const reader: ValueReader = {
  async read(name, rows) {
    const [count, width = 1] = program.params[name]!.shape as [number, number?];
    const [begin, end] = rows ?? [0, count];
    return Float32Array.from({ length: (end - begin) * width }, (_, i) => tile[i % tile.length]!);
  },
};
const inference = await runtime.infer(program, reader, { precision });
report(`${blocks} block in 4 bits, read and compiled`);
const { logits } = await inference.run(packedFeeds(sequences));
report(`scored 4 prompts of 140 tokens: ${Array.from(logits!.data, (logit) => logit.toFixed(2)).join(", ")}`);
const folder = await mkdtemp(join(tmpdir(), "corella-7b-"));
await inference.exportOnnx(join(folder, "model.onnx"));
const sizes = await Promise.all(
  (await readdir(folder)).map(async (file) => (await stat(join(folder, file))).size),
);
report(`written as a file of ${(sizes.reduce((a, b) => a + b, 0) / 2 ** 20).toFixed(0)} MB`);
await inference.dispose();

const part = packedDecoder(config, { answers, lora });
const tuned = twoWayProgram(part);
const values = initialValues(decoder(config, { answers, lora }), 1);
report("random weights in float32");
const trainer = await runtime.train(tuned, {
  seed: 1,
  values,
  precision,
  optimizer: (name) => (isLoraParam(name) ? { kind: "adamw", learningRate: 1e-3 } : null),
});
report("compiled for LoRA on 4-bit weights");
const label = { shape: [4], data: Float32Array.of(1, 0, 1, 0) };
for (let step = 1; step <= 2; step++) {
  const { loss } = await trainer.step({ ...packedFeeds(sequences), label });
  report(`LoRA step ${step}: loss ${loss.toFixed(4)}`);
}
await saveAdapter(join(folder, "adapter"), { config, lora, values: { ...values, ...trainer.values } });
report("adapter saved");
await trainer.dispose();
await rm(folder, { recursive: true });
