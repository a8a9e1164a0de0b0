import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onnxRuntime, type ProgressListener } from "@corella/engine";
import { expect, test } from "vitest";
import { createCrm, crmModels, trainCrm, type CrmTraining } from "./index.ts";
import { attentiveFeatures, syntheticBatch, syntheticFeatures } from "./synthetic.test-helper.ts";

const heldOut = [syntheticBatch(200, 1001), syntheticBatch(100, 1002)];

/** Models whose defaults do not suit these few samples. */
const suited: Record<string, object> = {
  FinalMLP: { stream1: { hiddenUnits: [32] }, stream2: { hiddenUnits: [32] } },
};

function training(model: string, changes: Partial<CrmTraining> = {}): CrmTraining {
  return {
    crm: createCrm(
      { model, embeddingDim: 8, ...suited[model] },
      model === "DIN" ? attentiveFeatures : syntheticFeatures,
    ),
    runtime: onnxRuntime({ threads: 1 }),
    seed: 7,
    steps: 60,
    samplesPerStep: 64,
    learningRate: 0.02,
    validateEvery: 20,
    patience: 3,
    batch: (step) => syntheticBatch(64, step),
    validation: {
      labels: Float32Array.from(heldOut.flatMap(({ label }) => [...label!.data])),
      batches: () => heldOut,
    },
    ...changes,
  };
}

test.each(Object.keys(crmModels))("%s learns a rule that no single feature tells", async (model) => {
  // Wide & Deep, without products of features, takes longest.
  const { validations, best } = await trainCrm(training(model, { steps: 160, validateEvery: 80 }));
  expect(validations.map(({ step }) => step)).toEqual([0, 80, 160]);
  expect(best!.score).toBeGreaterThan(0.95);
  expect(best!.figures!["logLoss"]).toBeLessThan(0.3);
});

test("an interrupted training goes on with the same bits, with every setting on", async () => {
  const settings = {
    embeddingL2: 1e-4,
    networkL2: 1e-5,
    tables: "exact",
    clipNorm: 0.5,
    decay: "cosine",
    warmupSteps: 5,
    plateau: { factor: 0.5, patience: 0, threshold: 0.01 },
    validateEvery: 10,
    patience: 100,
  } as const;
  const whole = await trainCrm(training("DCNv2", settings));
  const folder = join(await mkdtemp(join(tmpdir(), "corella-crm-")), "checkpoint");
  let result;
  for (const stop of [13, 37, undefined]) {
    const abort = new AbortController();
    const listener: ProgressListener = {
      stepDone: (_, step) => (step === stop ? abort.abort() : undefined),
    };
    const run = trainCrm(training("DCNv2", settings), { folder, listener, signal: abort.signal });
    if (stop === undefined) result = await run;
    else await expect(run).rejects.toMatchObject({ code: "train/interrupted", place: folder });
  }
  expect(result).toEqual(whole);
});

test("the plateau lowers the learning rate: with a factor of nearly 0 nothing moves after a bad validation", async () => {
  // No validation can be better by half, so the second is a bad one and the rate falls to almost nothing.
  const plateau = { factor: 1e-30, patience: 0, threshold: 2, thresholdMode: "abs" } as const;
  const { validations } = await trainCrm(training("DeepFM", { plateau, patience: 100 }));
  expect(validations[1]!.score).not.toBe(validations[0]!.score);
  expect(validations[2]).toEqual({ ...validations[1], step: 40 });
  expect(validations[3]).toEqual({ ...validations[1], step: 60 });
});

test("L2 and clipping change what is learned; training stops when patience runs out", async () => {
  const plain = await trainCrm(training("DCNv2"));
  for (const change of [{ embeddingL2: 0.1 }, { networkL2: 0.1 }, { clipNorm: 1e-3 }] as const) {
    const changed = await trainCrm(training("DCNv2", change));
    expect(changed.best!.figures).not.toEqual(plain.best!.figures);
  }
  // With a learning rate of 0 nothing is better than the first validation of what was trained.
  const stuck = await trainCrm(training("DCNv2", { learningRate: 0, patience: 1 }));
  expect([stuck.best!.step, stuck.steps]).toEqual([20, 40]);
  // Values that were trained before may be the best as they are.
  const given = await trainCrm(
    training("DCNv2", { learningRate: 0, patience: 1, values: structuredClone(plain.values) }),
  );
  expect([given.best!.step, given.steps]).toEqual([0, 20]);
  expect(given.best!.score).toBe(plain.best!.score);
});

test("validation labels of one class are refused, and the batches are let go", async () => {
  let disposed = 0;
  const settings = training("DCNv2", {
    validation: { labels: new Float32Array(3), batches: () => [] },
    dispose: async () => void disposed++,
  });
  await expect(trainCrm(settings)).rejects.toMatchObject({ code: "crm/one-class" });
  expect(disposed).toBe(1);
});
