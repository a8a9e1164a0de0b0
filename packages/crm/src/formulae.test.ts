import { eagerRuntime, initialValues, type Batch, type Values } from "@corella/engine";
import { createGenerator } from "@corella/random";
import { describe, expect, test } from "vitest";
import { createCrm, crmInferenceProgram, type CrmConfig, type CrmFeature } from "./index.ts";
import {
  attentiveFeatures,
  featuresWithText,
  syntheticBatch,
  syntheticFeatures,
  withText,
} from "./synthetic.test-helper.ts";

// FM and WideDeep, also with features that FuxiCTR does not have, against their formulae in plain float64 JavaScript.
const dim = 4;
const size = 5;
const sum = (xs: readonly number[]): number => xs.reduce((total, x) => total + x, 0);

/** Rows of `${part}.${table}` that ids name. */
function rowsOf(values: Values, table: string, ids: readonly number[], width: number): number[][] {
  return ids.map((id) => Array.from(values[table]!.slice(id * width, (id + 1) * width)));
}

/** A sample's ids of a feature, or its numbers. */
function inputOf(batch: Batch, name: string, b: number): number[] {
  const { data, shape } = batch[name]!;
  const length = shape[1] ?? 1;
  return Array.from(data.slice(b * length, (b + 1) * length));
}

/** First-order weights of a sample's features, those of a sequence summed. */
function firstOrder(values: Values, batch: Batch, b: number, features: readonly CrmFeature[]): number {
  return sum(
    features.map(({ name, type }) => {
      const input = inputOf(batch, name, b);
      if (type === "numeric" || type === "vector")
        return sum(input.map((x, j) => values[`lr.${name}`]![j]! * x));
      return sum(rowsOf(values, `lr.${name}`, input, 1).flat());
    }),
  );
}

/** The vectors of a sample's features. */
function vectors(values: Values, batch: Batch, b: number, features: readonly CrmFeature[]): number[][] {
  const target = rowsOf(values, "embedding.item", inputOf(batch, "item", b), dim)[0]!;
  return features.map((feature) => {
    const input = inputOf(batch, feature.name, b);
    if (feature.type === "numeric" || feature.type === "vector") {
      const rows = rowsOf(values, `embedding.${feature.name}`, [...input.keys()], dim);
      return Array.from({ length: dim }, (_, d) => sum(input.map((x, j) => x * rows[j]![d]!)));
    }
    const own = rowsOf(values, `embedding.${feature.table}`, input, dim);
    if (feature.type === "categorical") return own[0]!;
    const added = (feature.plus ?? []).map((name) =>
      rowsOf(values, `embedding.${name}`, inputOf(batch, name, b), dim),
    );
    const events = own
      .map((event, j) => event.map((x, d) => x + sum(added.map((other) => other[j]![d]!))))
      .filter((_, j) => input[j] !== 0);
    const weights =
      feature.pooling === "attention"
        ? attention(values, events, target)
        : events.map(() => (feature.pooling === "mean" ? 1 / events.length : 1));
    return Array.from({ length: dim }, (_, d) => sum(events.map((event, j) => weights[j]! * event[d]!)));
  });
}

/** softmax_j(W_2 prelu(W_1 [t; e_j; t - e_j; t * e_j])) */
function attention(values: Values, events: readonly number[][], target: readonly number[]): number[] {
  const unit = "embedding.attention.history";
  const slopes = values[`${unit}.0.activation.alpha`]!;
  const scores = events.map((event) => {
    const compared = [
      ...target,
      ...event,
      ...target.map((t, d) => t - event[d]!),
      ...target.map((t, d) => t * event[d]!),
    ];
    const hidden = affine(values, `${unit}.0`, compared).map((z, u) => (z > 0 ? z : slopes[u]! * z));
    return affine(values, `${unit}.1`, hidden)[0]!;
  });
  const exponentials = scores.map(Math.exp);
  return exponentials.map((x) => x / sum(exponentials));
}

/** W x + b */
function affine(values: Values, name: string, x: readonly number[]): number[] {
  const weight = values[`${name}.weight`]!;
  return Array.from(
    values[`${name}.bias`]!,
    (bias, o) => bias + sum(x.map((xi, i) => xi * weight[o * x.length + i]!)),
  );
}

type Formula = (values: Values, batch: Batch, b: number) => number;

const fm =
  (features: readonly CrmFeature[]): Formula =>
  (values, batch, b) => {
    const e = vectors(values, batch, b, features);
    let logit = values["lr.bias"]![0]! + firstOrder(values, batch, b, features);
    for (let f = 0; f < e.length; f++)
      for (let g = f + 1; g < e.length; g++) logit += sum(e[f]!.map((x, d) => x * e[g]![d]!));
    return logit;
  };

const formulae: [CrmConfig, readonly CrmFeature[], Formula][] = [
  [{ model: "FM", embeddingDim: dim }, syntheticFeatures, fm(syntheticFeatures)],
  [{ model: "FM", embeddingDim: dim }, featuresWithText, fm(featuresWithText)],
  [
    { model: "FM", embeddingDim: dim, attention: { hiddenUnits: [3], activation: "prelu", softmax: true } },
    attentiveFeatures,
    fm(attentiveFeatures),
  ],
  [
    { model: "WideDeep", embeddingDim: dim, hiddenUnits: [6, 3] },
    featuresWithText,
    (values, batch, b) => {
      let x = vectors(values, batch, b, featuresWithText).flat();
      for (const layer of ["dnn.0", "dnn.1"]) x = affine(values, layer, x).map((z) => Math.max(z, 0));
      return firstOrder(values, batch, b, featuresWithText) + affine(values, "dnn.2", x)[0]!;
    },
  ],
];

describe("the logits are those of the paper's formula", () => {
  test.each(formulae)("%j", async (config, features, logitOf) => {
    const part = createCrm(config, features);
    const random = createGenerator(2, "formulae");
    // Every value is random but the padding rows: zero as initialised.
    const values = Object.fromEntries(
      Object.entries(initialValues(part, 1)).map(([name, value]) => {
        const padding = part.tables[name]?.dim ?? 0;
        return [name, value.map((_, i) => (i < padding ? 0 : 0.5 * random.normal()))];
      }),
    );
    const { label: _label, text, ...others } = withText(syntheticBatch(size, 7), 7);
    const inputs: Batch = features === featuresWithText ? { ...others, text: text! } : others;
    const model = await eagerRuntime("cpu").infer(crmInferenceProgram(part), values);
    const { logit } = await model.run(inputs);
    for (let b = 0; b < size; b++) expect(logit!.data[b]!).toBeCloseTo(logitOf(values, inputs, b), 4);
  });
});
