import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import {
  eagerRuntime,
  initialValues,
  onnxRuntime,
  type Batch,
  type Program,
  type Values,
} from "@corella/engine";
import { describe, expect, test } from "vitest";
import {
  createCrm,
  crmInferenceProgram,
  crmModels,
  crmProgram,
  embeddingNames,
  regularized,
  type CrmConfig,
  type CrmFeature,
} from "./index.ts";
import { regularizationLoss } from "./program.ts";
import { attentiveFeatures, syntheticBatch, syntheticFeatures as features } from "./synthetic.test-helper.ts";

const compiled = onnxRuntime({ threads: 2 });
const reference = eagerRuntime("cpu");

/** Every model, small, and the variants that no golden covers. */
const small: Record<string, object> = {
  DIN: { hiddenUnits: [8, 6], attention: { hiddenUnits: [5] } },
  FinalMLP: {
    stream1: { hiddenUnits: [8] },
    stream2: { hiddenUnits: [6], context: ["item", "age"] },
    heads: 2,
  },
  DCNv2: { stackedUnits: [8], parallelUnits: [8, 6] },
  AutoInt: { attentionDim: 6, hiddenUnits: [] },
  FiGNN: {},
  FM: {},
};
const configs: Record<string, CrmConfig> = Object.fromEntries([
  ...Object.keys(crmModels).map((model) => [
    model,
    { model, embeddingDim: 4, ...(small[model] ?? { hiddenUnits: [8, 6] }) },
  ]),
  ["DCNv2 with dropout", { model: "DCNv2", embeddingDim: 4, dropout: 0.2, parallelUnits: [8] }],
  ["DeepFM with tanh", { model: "DeepFM", embeddingDim: 4, activation: "tanh", hiddenUnits: [8] }],
  ["DeepFM with elu", { model: "DeepFM", embeddingDim: 4, activation: "elu", hiddenUnits: [8] }],
  ["DeepFM with leakyRelu", { model: "DeepFM", embeddingDim: 4, activation: "leakyRelu", hiddenUnits: [8] }],
  [
    "MaskNet, parallel",
    { model: "MaskNet", embeddingDim: 4, structure: "parallel", blockUnits: 5, hiddenUnits: [6] },
  ],
  ["GDCN, stacked", { model: "GDCN", embeddingDim: 4, structure: "stacked", hiddenUnits: [6] }],
  ["AutoInt with one head", { model: "AutoInt", embeddingDim: 4, heads: 1, attentionDim: 6 }],
  ["AutoInt with layer normalisation", { model: "AutoInt", embeddingDim: 4, layerNormalization: true }],
  [
    "DeepFM with attention",
    { model: "DeepFM", embeddingDim: 4, hiddenUnits: [8], attention: { hiddenUnits: [5] } },
  ],
  [
    "DCNv2 with softmax attention",
    {
      model: "DCNv2",
      embeddingDim: 4,
      parallelUnits: [8],
      attention: { hiddenUnits: [5, 3], activation: "prelu", softmax: true },
    },
  ],
  ["AutoInt without residual", { model: "AutoInt", embeddingDim: 4, residual: false, dropout: 0.1 }],
]);

/** A history pooled by attention where the model or its config asks for it. */
function featuresOf(config: CrmConfig): readonly CrmFeature[] {
  return config.model === "DIN" || config["attention"] !== undefined ? attentiveFeatures : features;
}

/** Values whose embeddings are large enough to matter. */
function lively(specs: Parameters<typeof initialValues>[0], seed: number): Values {
  const values = initialValues(specs, seed);
  for (const name of embeddingNames(specs)) {
    const isNumber = name.startsWith("embedding.") && name in specs.params; // whose vectors are larger at first
    values[name] = values[name]!.map((x) => x * (isNumber ? 3 : 3000));
  }
  return values;
}

describe.each(Object.entries(configs))("%s", (_, config) => {
  const part = createCrm(config, featuresOf(config));
  const program = crmProgram(part);
  const values = lively(part, 3);

  test("gives one logit for each sample and the same numbers on both runtimes", async () => {
    const fast = await compiled.gradients(program, values, { seed: 5 });
    const slow = await reference.gradients(program, values, { seed: 5 });
    for (const size of [1, 11, 24]) {
      const a = await fast.run(syntheticBatch(size, size));
      const b = await slow.run(syntheticBatch(size, size));
      expect(a.outputs["logit"]!.shape).toEqual([size]);
      expect(Math.abs(a.loss - b.loss)).toBeLessThan(1e-5);
      for (const [name, gradient] of Object.entries(b.gradients)) {
        gradient.forEach((value, i) =>
          expect(Math.abs(a.gradients[name]![i]! - value), name).toBeLessThan(1e-5),
        );
      }
    }
    await fast.dispose();
  });

  test("has the gradient of its loss", async () => {
    // A central difference along the gradient, whose slope is the gradient's norm; dropout is off.
    const batch = syntheticBatch(16, 1);
    const still: Program = {
      ...program,
      forward: (scope) => program.forward({ ...scope, training: false, dropout: (x) => x }),
    };
    const { gradients } = await (await reference.gradients(still, values)).run(batch);
    const norm = Math.hypot(...Object.values(gradients).flatMap((gradient) => [...gradient]));
    const lossAt = async (step: number): Promise<number> => {
      const moved = Object.entries(values).map(([name, value]) => {
        const gradient = gradients[name];
        return [name, gradient === undefined ? value : value.map((x, i) => x + (step * gradient[i]!) / norm)];
      });
      return (await (await reference.gradients(still, Object.fromEntries(moved))).run(batch)).loss;
    };
    const step = 1e-3;
    const slope = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
    expect(Math.abs(slope - norm)).toBeLessThan(0.01 * norm);
  });

  test("exports one ONNX file that gives the same logits for any batch", async () => {
    const inference = await compiled.infer(crmInferenceProgram(part), values);
    await mkdir(join(import.meta.dirname, "../.cache"), { recursive: true });
    const folder = await mkdtemp(join(import.meta.dirname, "../.cache", "onnx-"));
    try {
      await inference.exportOnnx(join(folder, "model.onnx"));
      const session = await ort.InferenceSession.create(join(folder, "model.onnx"));
      for (const size of [1, 7]) {
        const { label: _label, ...inputs } = syntheticBatch(size, 4);
        const ours = await inference.run(inputs);
        const theirs = await session.run(feeds(inputs));
        expect(theirs["output.probability"]!.dims).toEqual([size]);
        expect(Array.from(theirs["output.logit"]!.data as Float32Array)).toEqual(
          Array.from(ours["logit"]!.data),
        );
      }
      await session.release();
    } finally {
      await rm(folder, { recursive: true });
      await inference.dispose();
    }
  });
});

function feeds(batch: Batch): Record<string, ort.Tensor> {
  return Object.fromEntries(
    Object.entries(batch).map(([name, { shape, data }]) => [
      `input.${name}`,
      data instanceof Int32Array
        ? new ort.Tensor("int32", data, shape)
        : new ort.Tensor("float32", data, shape),
    ]),
  );
}

describe("learning", () => {
  /** What the model takes of a batch. */
  const of = (part: ReturnType<typeof createCrm>, batch: Batch): Batch =>
    Object.fromEntries(Object.entries(batch).filter(([name]) => name === "label" || name in part.inputs));
  const learners: Record<string, object> = {
    DCNv2: { parallelUnits: [32] },
    WideDeep: { hiddenUnits: [32] },
    DIN: { hiddenUnits: [32], attention: { hiddenUnits: [8] } },
    MaskNet: { hiddenUnits: [32, 32] },
    FinalMLP: { stream1: { hiddenUnits: [32] }, stream2: { hiddenUnits: [32] } },
    GDCN: { hiddenUnits: [32] },
  };
  test.each(["DCNv2", "FiGNN", "AutoInt", "FM", "WideDeep", "DIN", "MaskNet", "FinalMLP", "GDCN"])(
    "%s learns an interaction that no feature shows alone",
    async (model) => {
      const part = createCrm(
        { model, embeddingDim: 8, ...learners[model] },
        // FM weighs every pair alike, so it cannot set apart the item and the history that shares its table.
        model === "FM" ? features.filter(({ name }) => name !== "history") : featuresOf({ model }),
      );
      const trainer = await compiled.train(crmProgram(part), {
        seed: 1,
        optimizer: { kind: "adam", learningRate: 0.01 },
      });
      for (let step = 0; step < 200; step++) await trainer.step(of(part, syntheticBatch(128, step)));
      const inference = await compiled.infer(crmInferenceProgram(part), trainer.values);
      const { label, ...inputs } = of(part, syntheticBatch(512, 9999));
      const { probability } = await inference.run(inputs);
      const right = label!.data.filter((y, i) => (y === 1) === probability!.data[i]! > 0.5).length;
      expect(right / 512).toBeGreaterThan(0.95);
      await trainer.dispose();
      await inference.dispose();
    },
  );
});

test("regularisers reach embeddings, first-order weights and numeric vectors apart from the rest", () => {
  const part = createCrm({ model: "DeepFM", embeddingDim: 4, hiddenUnits: [8] }, attentiveFeatures);
  const embeddings = embeddingNames(part);
  expect([...embeddings].sort()).toEqual(
    ["age", "history", "item", "ratings", "tags", "user"]
      .flatMap((name) => [`lr.${name}`, ...(name === "history" ? [] : [`embedding.${name}`])])
      .sort(),
  );
  const optimizerOf = regularized({ kind: "adam", learningRate: 1e-3 }, part, { embedding: 0.5, net: 0.25 });
  expect(optimizerOf("lr.age")).toMatchObject({ l2: 0.5 });
  expect(optimizerOf("lr.bias")).toMatchObject({ l2: 0.25 });
  expect(optimizerOf("mlp.0.weight")).toMatchObject({ l2: 0.25 });
  expect(optimizerOf("embedding.attention.history.0.weight")).toMatchObject({ l2: 0.25 });
  const ones = Object.fromEntries(
    Object.entries(initialValues(part, 1)).map(([name, value]) => [name, value.fill(1)]),
  );
  const count = (names: Iterable<string>): number =>
    [...names].reduce((sum, name) => sum + ones[name]!.length, 0);
  const net = Object.keys(ones).filter((name) => !embeddings.has(name) && !name.includes("running_"));
  expect(regularizationLoss(part, ones, { embedding: 0.5, net: 0.25 })).toBeCloseTo(
    (0.5 * count(embeddings) + 0.25 * count(net)) / 2,
  );
});
