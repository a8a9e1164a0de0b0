import { tinyLlamaConfig } from "@corella/llm";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { trlConfig } from "./trl-config.ts";
import { tuningRows } from "./tuning-rows.ts";

test("a sample is a row: its prompt, then the answer, which alone is learned", () => {
  expect(tuningRows([[5, 6, 7]], [9])).toEqual([{ inputIds: [5, 6, 7, 9], labels: [-100, -100, -100, 9] }]);
});

test("prompts that go on from one another are one row, with a label where each was asked", () => {
  // What the last prompt tells behind an earlier one may be another token than the answer that is taught there.
  const rows = tuningRows([[1], [1, 9, 2], [1, 9, 2, 8, 3]], [9, 7, 9]);
  expect(rows).toEqual([{ inputIds: [1, 9, 2, 8, 3, 9], labels: [-100, 9, -100, 7, -100, 9] }]);
});

test("a prompt that was cut goes on from none and has a row of its own; no label is lost", () => {
  const rows = tuningRows([[1], [1, 9, 2], [4, 4, 2]], [9, 8, 9]);
  expect(rows).toEqual([
    { inputIds: [1, 9, 2, 8], labels: [-100, 9, -100, 8] },
    { inputIds: [4, 4, 2, 9], labels: [-100, -100, -100, 9] },
  ]);
});

test("the very same prompt with two answers is asked twice", () => {
  const rows = tuningRows(
    [
      [1, 2],
      [1, 2],
      [1, 2, 3],
    ],
    [9, 8, 9],
  );
  expect(rows).toEqual([
    { inputIds: [1, 2, 3, 9], labels: [-100, -100, 9, 9] },
    { inputIds: [1, 2, 8], labels: [-100, -100, 8] },
  ]);
});

const config = tinyLlamaConfig({ vocabularySize: 40, hiddenSize: 16, layers: 2, heads: 4 });
const settings = {
  samples: 100,
  epochs: 2,
  batchSize: 32,
  accumulate: 3,
  learningRate: 1e-4,
  weightDecay: 0.1,
  warmupSteps: 5,
};
const training = {
  base: { name: "../base" },
  config,
  lora: { rank: 8, alpha: 16 },
  settings,
  seed: 3,
  longest: 77,
  labelsPerRow: 4,
  validates: true,
  processes: 2,
  precision: "bf16",
} as const;

test("TRL computes as many answers at once and in an update as the configuration's stage, on any number of processes", () => {
  // 32 answers are 8 rows of 4, which two processes share.
  expect(parse(trlConfig(training))).toMatchObject({
    model_name_or_path: "../base",
    per_device_train_batch_size: 4,
    gradient_accumulation_steps: 3,
    num_train_epochs: 2,
    max_length: 77,
    packing: false,
    lora_r: 8,
    lora_alpha: 16,
    lora_dropout: 0,
    lora_target_modules: ["q_proj", "v_proj"],
    dtype: "bfloat16",
    bf16: true,
    eval_strategy: "epoch",
    dataset_test_split: "validation",
    lr_scheduler_kwargs: { min_lr_rate: 0.1 },
  });
  const alone = parse(trlConfig({ ...training, validates: false, precision: "fp32" })) as object;
  expect(alone).toMatchObject({ eval_strategy: "no", bf16: false, dtype: "float32" });
  expect(alone).not.toHaveProperty("dataset_test_split");
});

test("a single module is a regular expression that finds it, for TRL makes a string of a list of one", () => {
  const [q] = parse(trlConfig({ ...training, lora: { rank: 8, alpha: 16, targetModules: ["q_proj"] } }))
    .lora_target_modules as [string];
  const whole = new RegExp(`^(?:${q})$`);
  expect("model.layers.1.self_attn.q_proj").toMatch(whole);
  expect("model.layers.1.self_attn.k_proj").not.toMatch(whole);
  // The last block alone: modules by their full names.
  const modules = { "model.layers.1.self_attn.v_proj": { rank: 8, alpha: 16 } };
  const [v] = parse(trlConfig({ ...training, lora: { rank: 8, alpha: 16, modules } }))
    .lora_target_modules as [string];
  expect("model.layers.1.self_attn.v_proj").toMatch(new RegExp(`^(?:${v})$`));
  expect("model.layers.0.self_attn.v_proj").not.toMatch(new RegExp(`^(?:${v})$`));
});
