import {
  initialValues,
  onnxRuntime,
  type Batch,
  type FrozenOptions,
  type Program,
  type Values,
} from "@corella/engine";
import { createGenerator } from "@corella/random";
import {
  decoder,
  isLoraParam,
  paddedFeeds,
  tinyLlamaConfig,
  twoWayProgram,
  type LoraConfig,
} from "@corella/llm";

/**
 * What the precision of a frozen base does to LoRA. A small Llama learns a task with all its parameters, then adapters on
 * the frozen base learn another task, once for each precision: the same first values, batches and order.
 *
 *     node --conditions=source --import tsx tooling/bench/src/experiments/lora-precision.ts
 *
 * The task: each token is worth 1 or -1; is the sum over a sequence positive? The second task draws the worths anew.
 */
const config = tinyLlamaConfig({
  vocabularySize: 67,
  hiddenSize: 128,
  intermediateSize: 256,
  layers: 2,
  heads: 4,
});
const answers = { yes: 1, no: 2 };
const firstToken = 3;
const tokens = 64;
/** Odd: no sum is zero. */
const time = 17;
const batchSize = 32;
const lora: LoraConfig = {
  rank: 8,
  alpha: 16,
  targetModules: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
};
const pretrainingSteps = 250;
const loraSteps = 350;
const reportEvery = 50;
const heldOutBatches = 32;
/** Of the adapters' first values and of the batches. */
const seeds = [1, 2, 3];

type Task = readonly number[];

function drawTask(name: string): Task {
  const random = createGenerator(1, name);
  return Array.from({ length: tokens }, () => 2 * random.integer(2) - 1);
}

const firstTask = drawTask("first task");
const secondTask = drawTask("second task");

const variants: Readonly<Record<string, FrozenOptions>> = {
  float32: {},
  float16: { precision: () => "float16" },
  "int8, exact gradient": { precision: () => "int8", backward: "exact" },
  "int8, int8 gradient": { precision: () => "int8", backward: "int8" },
  int4: { precision: () => "int4" },
};

function makeBatch(worth: Task, name: string): Batch {
  const random = createGenerator(1, name);
  const sequences = Array.from({ length: batchSize }, () =>
    Int32Array.from({ length: time }, () => random.integer(tokens) + firstToken),
  );
  const labels = Float32Array.from(sequences, (sequence) =>
    sequence.reduce((sum, token) => sum + worth[token - firstToken]!, 0) > 0 ? 1 : 0,
  );
  return { ...paddedFeeds(sequences), label: { shape: [batchSize], data: labels } };
}

function trainingProgram(adapter: LoraConfig | undefined): Program {
  return twoWayProgram(decoder(config, { answers, lora: adapter }));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Mean loss on batches that were not trained on. */
async function heldOutLoss(program: Program, values: Values, options: FrozenOptions): Promise<number> {
  const run = await runtime.gradients(program, values, { ...options, trainable: isLoraParam });
  const losses: number[] = [];
  for (let i = 0; i < heldOutBatches; i++)
    losses.push((await run.run(makeBatch(secondTask, `held-out/${i}`))).loss);
  await run.dispose();
  return mean(losses);
}

const runtime = onnxRuntime({ threads: 2, spinning: false });

async function pretrain(): Promise<Values> {
  const program = trainingProgram(undefined);
  const optimizer = { kind: "adamw", learningRate: 3e-3 } as const;
  const trainer = await runtime.train(program, { seed: 1, optimizer });
  const losses: number[] = [];
  for (let step = 0; step < pretrainingSteps; step++)
    losses.push((await trainer.step(makeBatch(firstTask, `first/${step}`))).loss);
  process.stderr.write(`pre-training: loss ${mean(losses.slice(-reportEvery)).toFixed(4)}\n`);
  await trainer.dispose();
  return { ...trainer.values };
}

async function adapt(base: Values, options: FrozenOptions, seed: number): Promise<readonly number[]> {
  const program = trainingProgram(lora);
  const trainer = await runtime.train(program, {
    ...options,
    seed,
    values: Object.fromEntries(Object.entries(base).map(([name, values]) => [name, values.slice()])),
    optimizer: (name) => (isLoraParam(name) ? { kind: "adamw", learningRate: 2e-3 } : null),
  });
  const losses: number[] = [];
  const row: number[] = [];
  for (let step = 0; step < loraSteps; step++) {
    losses.push((await trainer.step(makeBatch(secondTask, `second/${seed}/${step}`))).loss);
    if (losses.length % reportEvery === 0) row.push(mean(losses.slice(-reportEvery)));
  }
  const adapted = { ...initialValues(program, seed, base), ...trainer.values };
  row.push(await heldOutLoss(program, adapted, options), await heldOutLoss(program, adapted, {}));
  await trainer.dispose();
  return row;
}

const base = await pretrain();
const ends = Array.from({ length: loraSteps / reportEvery }, (_, i) => String((i + 1) * reportEvery));
const head = ["precision", ...ends, "held out", "each seed", "held out in float32"];
process.stdout.write(`| ${head.join(" | ")} |\n| ${head.map(() => "---").join(" | ")} |\n`);
for (const [name, options] of Object.entries(variants)) {
  const rows: (readonly number[])[] = [];
  for (const seed of seeds) rows.push(await adapt(base, options, seed));
  const means = rows[0]!.map((_, i) => mean(rows.map((row) => row[i]!)).toFixed(4));
  const each = rows.map((row) => row.at(-2)!.toFixed(4)).join(", ");
  process.stdout.write(`| ${[name, ...means.slice(0, -1), each, means.at(-1)!].join(" | ")} |\n`);
}
