import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createCrm, crmInferenceProgram, crmModels, crmProgram, type CrmFeature } from "@corella/crm";
import {
  initialValues,
  onnxRuntime,
  type Batch,
  type Output,
  type Program,
  type Values,
} from "@corella/engine";
import { createGenerator } from "@corella/random";
import {
  decoder,
  isLoraParam,
  paddedFeeds,
  tinyLlamaConfig,
  twoWayLoss,
  type LoraConfig,
} from "@corella/llm";
import { writeSafetensors, type TensorToWrite } from "@corella/safetensors";

// Writes the graphs of every CRM and of a small Llama, with batches and what onnxruntime-node makes of them, for
// tooling/reference/check_onnx.py.

const folder = process.argv[2] ?? ".cache/onnx";
await mkdir(folder, { recursive: true });
const runtime = onnxRuntime();
const random = createGenerator(1, "export");

const features: CrmFeature[] = [
  { name: "user", type: "categorical", vocabularySize: 50, table: "user" },
  { name: "item", type: "categorical", vocabularySize: 40, table: "item" },
  { name: "history", type: "sequence", vocabularySize: 40, maxLength: 4, pooling: "mean", table: "item" },
  { name: "age", type: "numeric" },
];

function crmBatch(size: number): Batch {
  const ids = (length: number, limit: number): Int32Array =>
    Int32Array.from({ length }, () => random.integer(limit));
  return {
    user: { shape: [size], data: ids(size, 50) },
    item: { shape: [size], data: ids(size, 40) },
    history: { shape: [size, 4], data: ids(size * 4, 40) },
    age: { shape: [size], data: Float32Array.from({ length: size }, () => random.normal()) },
    label: { shape: [size], data: Float32Array.from({ length: size }, () => random.integer(2)) },
  };
}

for (const model of Object.keys(crmModels)) {
  const crm = createCrm({ model }, features);
  const values = spread(initialValues(crm, 1));
  await exportInference(model, crmInferenceProgram(crm), values, [crmBatch(1), crmBatch(9)]);
  await exportTraining(model, crmProgram(crm), values, crmBatch(9), () => true);
}

const config = tinyLlamaConfig({
  vocabularySize: 300,
  hiddenSize: 32,
  layers: 3,
  heads: 4,
  keyValueHeads: 2,
});
const lora: LoraConfig = { rank: 4, alpha: 8, dropout: 0, targetModules: ["q_proj", "v_proj", "down_proj"] };
const llama = decoder(config, { answers: { yes: 3, no: 4 }, lora });
const llamaProgram: Program = {
  ...llama,
  inputs: { ...llama.inputs, label: { shape: ["batch"], dtype: "float32" } },
  forward(scope) {
    const { yesNoLogits, logitsLast } = llama.forward(scope);
    const loss = twoWayLoss(yesNoLogits, scope.input("label"));
    return { loss, outputs: { yesNoLogits, logits: logitsLast() } };
  },
};
const llamaValues = spread(initialValues(llama, 1));
const prompts = (lengths: number[]): Batch => ({
  ...paddedFeeds(
    lengths.map((length) => Array.from({ length }, () => 5 + random.integer(290))),
    { pad: "left" },
  ),
  label: { shape: [lengths.length], data: Float32Array.from(lengths, () => random.integer(2)) },
});
await exportInference("Llama", llamaProgram, llamaValues, [
  prompts([7, 3, 12]),
  prompts([1]),
  prompts([30, 30]),
]);
await exportTraining("Llama-LoRA", llamaProgram, llamaValues, prompts([9, 4]), isLoraParam);

/** Initial values of many parameters are zero or tiny: these say more. */
function spread(values: Values): Values {
  for (const data of Object.values(values))
    data.forEach((value, i) => (data[i] = value + random.normal() / 20));
  return values;
}

async function exportInference(
  name: string,
  program: Program,
  values: Values,
  batches: Batch[],
): Promise<void> {
  const inference = await runtime.infer(program, values);
  const record: Record<string, TensorToWrite> = {};
  for (const [i, batch] of batches.entries()) {
    recordFeeds(record, i, program, batch);
    for (const [output, tensor] of Object.entries(await inference.run(batch)))
      record[`expected.${i}.output.${output}`] = tensorOf(tensor);
  }
  await inference.exportOnnx(join(folder, `${name}.infer.onnx`));
  await inference.exportOnnx(join(folder, `${name}.split.onnx`), { singleFileBytes: 0 });
  await inference.dispose();
  for (const kind of ["infer", "split"])
    await writeSafetensors(join(folder, `${name}.${kind}.safetensors`), record);
}

async function exportTraining(
  name: string,
  program: Program,
  values: Values,
  batch: Batch,
  isTrained: (name: string) => boolean,
): Promise<void> {
  const gradients = await runtime.gradients(program, values, { trainable: isTrained });
  await gradients.exportOnnx(join(folder, `${name}.gradients.onnx`));
  const feeds: Record<string, TensorToWrite> = {};
  recordFeeds(feeds, 0, program, batch);
  const derived = await gradients.run(batch);
  const expected: Record<string, TensorToWrite> = { ...feeds, "expected.0.loss": scalar(derived.loss) };
  for (const [param, { shape }] of Object.entries(program.params))
    if (derived.gradients[param] !== undefined)
      expected[`expected.0.gradient.${param}`] = tensorOf({ shape, data: derived.gradients[param] });
  await writeSafetensors(join(folder, `${name}.gradients.safetensors`), expected);
  await gradients.dispose();

  const trainer = await runtime.train(program, {
    seed: 1,
    values: structuredClone(values),
    optimizer: (param) => (isTrained(param) ? { kind: "adam", learningRate: 0.01 } : null),
  });
  await trainer.exportOnnx(join(folder, `${name}.train.onnx`));
  const { loss } = await trainer.step(batch);
  const updated: Record<string, TensorToWrite> = { ...feeds, "expected.0.loss": scalar(loss) };
  for (const [param, { shape, trainable }] of Object.entries(program.params))
    if (isTrained(param) && trainable !== false)
      updated[`expected.0.updated.${param}`] = tensorOf({ shape, data: trainer.values[param]! });
  await writeSafetensors(join(folder, `${name}.train.safetensors`), updated);
  await trainer.dispose();
}

function recordFeeds(record: Record<string, TensorToWrite>, i: number, program: Program, batch: Batch): void {
  for (const name of Object.keys(program.inputs)) record[`feed.${i}.input.${name}`] = tensorOf(batch[name]!);
}

function tensorOf({ shape, data }: Output): TensorToWrite {
  return { dtype: data instanceof Int32Array ? "I32" : "F32", shape, data };
}

function scalar(value: number): TensorToWrite {
  return { dtype: "F32", shape: [], data: Float32Array.of(value) };
}
