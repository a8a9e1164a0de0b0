import { crmOf, loadPredictor, openBundle, openLlmLane } from "@corella/bundle";
import { createRuntime, eagerRuntime, onnxRuntime, tf, type Program } from "@corella/engine";
import { recordsAt } from "@corella/modality";
import { beforeAll, describe, expect, test } from "vitest";
import type { RunConfig } from "../config/config.ts";
import { crmLogits } from "../crm/crm-logits.ts";
import { denseWindows } from "../llm/dense-windows.ts";
import { randomRuns } from "../llm/target-runs.ts";
import { probabilitiesOf } from "../predictions.ts";
import type { TrainingResult } from "../train.ts";
import { distillationTerms } from "./distilling.ts";
import { denseConfig, interruptedRun, manifestOf, smallConfig, smallRun } from "./small-run.test-helper.ts";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** -y log p - (1 - y) log(1 - p) of p = sigmoid(z) */
const crossEntropy = (z: number, y: number): number =>
  -y * Math.log(sigmoid(z)) - (1 - y) * Math.log(sigmoid(-z));

describe.each([onnxRuntime(), eagerRuntime("cpu")])("the loss on $name", (runtime) => {
  const [logits, labels, teachers] = [
    [-1.5, 0.2, 3, -0.4],
    [0, 1, 1, 1],
    [-2, 1.3, -0.7, 0.1],
  ] as const;
  const ofFour = { shape: [4], dtype: "float32" } as const;

  test.each([
    [1, 0.5],
    [2, 0.5],
    [4, 3],
  ])(
    "at temperature %d and weight %d is its equation's, and so is its gradient",
    async (temperature, weight) => {
      const program: Program = {
        params: { output: { shape: [4], init: { kind: "zeros" } } },
        tables: {},
        inputs: { label: ofFour, teacher: ofFour },
        forward(scope) {
          const terms = distillationTerms(
            scope.param("output"),
            scope.input("label"),
            scope.input("teacher"),
            {
              temperature,
            },
          );
          const loss = tf.add(terms.crmLoss, tf.mul(terms.distillation, weight));
          return { loss, outputs: { ...terms } };
        },
      };
      const run = await runtime.gradients(program, { output: Float32Array.from(logits) });
      const { loss, outputs, gradients } = await run.run({
        label: { shape: [4], data: Float32Array.from(labels) },
        teacher: { shape: [4], data: Float32Array.from(teachers) },
      });
      await run.dispose();
      const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value) / 4;
      const hard = mean(logits.map((z, i) => crossEntropy(z, labels[i]!)));
      const soft = mean(
        logits.map(
          (z, i) => temperature ** 2 * crossEntropy(z / temperature, sigmoid(teachers[i]! / temperature)),
        ),
      );
      expect(outputs["crmLoss"]!.data[0]).toBeCloseTo(hard, 5);
      expect(outputs["distillation"]!.data[0]).toBeCloseTo(soft, 4);
      expect(loss).toBeCloseTo(hard + weight * soft, 4);
      for (const [i, z] of logits.entries()) {
        const pull = weight * temperature * (sigmoid(z / temperature) - sigmoid(teachers[i]! / temperature));
        expect(gradients["output"]![i]).toBeCloseTo((sigmoid(z) - labels[i]! + pull) / 4, 5);
      }
    },
  );
});

/** The small run, after whose stages the CRM learns from the LLM as fast as it can be seen. */
const distil = {
  samples: 100,
  epochs: 2,
  batchSize: 16,
  learningRate: 0.01,
  weight: 1,
  temperature: 2,
  validationsPerEpoch: 3,
  patience: 10,
};
const config: RunConfig = { ...smallConfig, stages: { ...smallConfig.stages, distil } };

describe("a run with distilling", () => {
  let whole: TrainingResult;

  beforeAll(async () => {
    whole = (await smallRun(config)).result;
  });

  test("interrupted in every phase, ends with the same bundle", async () => {
    const { phases, manifest } = await interruptedRun(config);
    expect(phases).toEqual(["stage-1", "stage-0", "stage-2", "stage-3", "distil"]);
    expect(manifest).toBe(await manifestOf(whole));
  });

  test("has a row for the CRM before and after, and keeps the CRM of the best validation", () => {
    expect(whole.test.predictions.map(({ name, title }) => [name, title])).toEqual([
      ["crm-stage-1", "CRM after stage 1"],
      ["crm-stage-2", "CRM after stage 2"],
      ["crm", "CRM after distilling"],
      ["llm", "LLM alone"],
      ["replace", "CoReLLa, replacing"],
      ["add-logits", "CoReLLa, adding logits"],
    ]);
    const { validations, best, steps } = whole.phases.find(({ name }) => name === "distil")!;
    expect(steps).toBe(14);
    expect(validations[0]!.step).toBe(0);
    expect(best!.score).toBe(Math.max(...validations.map(({ score }) => score)));
    const [before, after] = ["crm-stage-2", "crm"].map((name) => probabilitiesOf(whole.test, name)!);
    const moved = Math.max(...after!.map((p, i) => Math.abs(p - before![i]!)));
    // Whether it helps is the validation part's to say: set back, it says what it said before.
    if (best!.step === 0) expect(moved).toBeLessThan(1e-6);
    else expect(moved).toBeGreaterThan(1e-3);
  });

  test("serves the CRM that learned, and leaves everything before as it would have been", async () => {
    const plain = (await smallRun()).result;
    for (const [own, other] of [
      ["crm-stage-1", "crm-stage-1"],
      ["llm", "llm"],
    ] as const)
      expect(probabilitiesOf(whole.test, own)).toEqual(probabilitiesOf(plain.test, other));
    const before = probabilitiesOf(whole.test, "crm-stage-2")!;
    for (const [i, p] of probabilitiesOf(plain.test, "crm")!.entries()) expect(before[i]).toBeCloseTo(p, 6);
    const bundle = await openBundle(whole.bundleFolder);
    const predictor = await loadPredictor(bundle);
    const rows = whole.test.rows.slice(0, 50);
    const answers = await predictor.score(recordsAt(whole.data.log, rows, bundle));
    await predictor.dispose();
    const expected = probabilitiesOf(whole.test, "crm")!;
    for (const [i, { pCrm }] of answers.entries()) expect(pCrm).toBeCloseTo(expected[i]!, 6);
  });
});

test("where the LLM corrects a CRM, the teacher is the sum of both, in whole windows of rows that this CRM did not see", async () => {
  const corrected: RunConfig = {
    ...denseConfig(config, "\n{{title}}"),
    // Without dropout, and all rows in one step: its loss can be told.
    crm: { ...config.crm, dropout: 0 },
    stages: {
      ...config.stages,
      llmAlone: { ...config.stages.llmAlone, offset: "crm" },
      distil: { ...distil, samples: 60, batchSize: 1000, epochs: 1 },
    },
  };
  const { result } = await smallRun(corrected);
  const { data, phases, bundleFolder } = result;
  expect(phases.map(({ name }) => name)).toEqual([
    "stage-1",
    "stage-0",
    "stage-2",
    "stage-3-crm",
    "stage-3",
    "distil",
  ]);
  expect(result.test.predictions.map(({ name }) => name)).toEqual([
    "crm-stage-1",
    "crm-stage-2",
    "crm",
    "llm",
    "add-logits",
  ]);
  const bundle = await openBundle(bundleFolder);
  const { train } = data.split;
  const unseen = train.subarray(Math.round(0.8 * train.length));
  const windows = randomRuns(denseWindows(data.log, unseen, bundle.prompt!), 60, config.seed, "distil");
  const rows = Uint32Array.from(windows.flatMap((window) => [...window.rows]));
  const run = { data, runtime: await createRuntime() };
  const crm = crmOf(corrected.crm, data.featureMap);
  const logitsOf = (phase: string): Promise<ReadonlyMap<number, number>> =>
    crmLogits(run, crm, phases.find(({ name }) => name === phase)!.values, rows);
  const [corrects, learns] = [await logitsOf("stage-3-crm"), await logitsOf("stage-2")];
  const lane = await openLlmLane(bundle);
  const correction = await lane.score(recordsAt(data.log, rows, bundle));
  await lane.dispose();
  const { temperature } = distil;
  const expected = rows.reduce((sum, row, i) => {
    const teacher = corrects.get(row)! + Math.log(correction[i]! / (1 - correction[i]!));
    return sum + crossEntropy(learns.get(row)! / temperature, sigmoid(teacher / temperature)) / rows.length;
  }, 0);
  const { terms } = phases.find(({ name }) => name === "distil")!;
  expect(terms["distillation"]).toHaveLength(1);
  expect(terms["distillation"]![0]![1]).toBeCloseTo(temperature ** 2 * expected, 4);
});
