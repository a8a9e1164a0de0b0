import { createGenerator, eagerRuntime, initialValues, type Batch, type Values } from "@corella/engine";
import { describe, expect, test } from "vitest";
import { createCrm, crmInferenceProgram, type CrmConfig } from "./index.ts";
import { syntheticBatch, syntheticFeatures as features } from "./synthetic.test-helper.ts";

// The models that no golden covers, against their papers' formulae in plain float64 JavaScript.
const dim = 4;
const size = 5;
const sum = (xs: readonly number[]): number => xs.reduce((total, x) => total + x, 0);

/** The vectors of a sample's features from the tables `${part}.*`; sequences are summed, or averaged where `means`. */
function vectors(
  values: Values,
  batch: Batch,
  b: number,
  part: string,
  width: number,
  means: boolean,
): number[][] {
  return features.map((feature) => {
    const { data, shape } = batch[feature.name]!;
    const table = (name: string, row: number): number[] =>
      Array.from(values[`${part}.${name}`]!.slice(row * width, (row + 1) * width));
    if (feature.type === "numeric") return table(feature.name, 0).map((x) => x * data[b]!);
    const name = part === "lr" ? feature.name : feature.table;
    const length = shape[1] ?? 1;
    const ids = Array.from(data.slice(b * length, (b + 1) * length)).filter((id) => id !== 0);
    const rows = ids.map((id) => table(name, id));
    const isMean = means && feature.type === "sequence" && feature.pooling === "mean";
    return Array.from({ length: width }, (_, d) => {
      const total = sum(rows.map((row) => row[d]!));
      return isMean ? total / Math.max(rows.length, 1) : total;
    });
  });
}

const firstOrder = (values: Values, batch: Batch, b: number): number =>
  sum(vectors(values, batch, b, "lr", 1, false).flat());

/** W x + b */
function affine(values: Values, name: string, x: readonly number[]): number[] {
  const weight = values[`${name}.weight`]!;
  return Array.from(
    values[`${name}.bias`]!,
    (bias, o) => bias + sum(x.map((xi, i) => xi * weight[o * x.length + i]!)),
  );
}

const formulae: [CrmConfig, (values: Values, batch: Batch, b: number) => number][] = [
  [
    { model: "FM", embeddingDim: dim },
    (values, batch, b) => {
      const e = vectors(values, batch, b, "embedding", dim, true);
      let logit = values["lr.bias"]![0]! + firstOrder(values, batch, b);
      for (let f = 0; f < e.length; f++)
        for (let g = f + 1; g < e.length; g++) logit += sum(e[f]!.map((x, d) => x * e[g]![d]!));
      return logit;
    },
  ],
  [
    { model: "WideDeep", embeddingDim: dim, hiddenUnits: [6, 3] },
    (values, batch, b) => {
      let x = vectors(values, batch, b, "embedding", dim, true).flat();
      for (const layer of ["dnn.0", "dnn.1"]) x = affine(values, layer, x).map((z) => Math.max(z, 0));
      return firstOrder(values, batch, b) + affine(values, "dnn.2", x)[0]!;
    },
  ],
];

describe("the logits are those of the paper's formula", () => {
  test.each(formulae)("%j", async (config, logitOf) => {
    const part = createCrm(config, features);
    const random = createGenerator(2, "formulae");
    // Every value is random but the padding rows: zero as initialised.
    const values = Object.fromEntries(
      Object.entries(initialValues(part, 1)).map(([name, value]) => {
        const padding = part.tables[name]?.dim ?? 0;
        return [name, value.map((_, i) => (i < padding ? 0 : 0.5 * random.normal()))];
      }),
    );
    const { label: _label, ...inputs } = syntheticBatch(size, 7);
    const model = await eagerRuntime("cpu").infer(crmInferenceProgram(part), values);
    const { logit } = await model.run(inputs);
    for (let b = 0; b < size; b++) expect(logit!.data[b]!).toBeCloseTo(logitOf(values, inputs, b), 4);
  });
});
