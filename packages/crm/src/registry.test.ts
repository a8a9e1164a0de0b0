import { expect, test } from "vitest";
import { createCrm, crmModels, parseCrmConfig, type CrmFeature } from "./index.ts";

const features: CrmFeature[] = [
  { name: "user", type: "categorical", vocabularySize: 10, table: "user" },
  { name: "item", type: "categorical", vocabularySize: 20, table: "item" },
  { name: "history", type: "sequence", vocabularySize: 20, maxLength: 5, pooling: "mean", table: "item" },
  { name: "age", type: "numeric" },
];

const attentive = features.map((feature): CrmFeature =>
  feature.name === "history" ? ({ ...feature, pooling: "attention" } as CrmFeature) : feature,
);

test("every model has defaults, declares a shared table once and one input for each feature", () => {
  for (const model of Object.keys(crmModels)) {
    const part = createCrm({ model }, model === "DIN" ? attentive : features);
    expect(part.tables["embedding.item"]).toMatchObject({ rows: 20, dim: 32 });
    expect(part.tables["embedding.history"]).toBeUndefined();
    expect(part.inputs).toEqual({
      user: { shape: ["batch"], dtype: "int32" },
      item: { shape: ["batch"], dtype: "int32" },
      history: { shape: ["batch", 5], dtype: "int32" },
      age: { shape: ["batch"], dtype: "float32" },
    });
  }
});

test("a config's defaults are filled in", () => {
  const { name, parameters } = parseCrmConfig({ model: "DCNv2", lowRank: { rank: 8 } });
  expect(name).toBe("DCNv2");
  expect(parameters).toMatchObject({
    structure: "parallel",
    crossLayers: 3,
    lowRank: { rank: 8, experts: 4 },
  });
});

test("mistakes are named with a place and a remedy", () => {
  const error = (config: Parameters<typeof createCrm>[0], given = features): unknown => {
    try {
      createCrm(config, given);
      return undefined;
    } catch (thrown) {
      return thrown;
    }
  };
  expect(error({ model: "DCNv3" })).toMatchObject({
    code: "crm/unknown-model",
    remedy: "Did you mean DCNv2?",
  });
  expect(error({ model: "toString" })).toMatchObject({ code: "crm/unknown-model" });
  expect(error({ model: "DCNv2", crossLayer: 3 })).toMatchObject({
    code: "crm/unknown-parameter",
    place: "crossLayer",
    remedy: "Did you mean crossLayers?",
  });
  expect(error({ model: "DCNv2", lowRank: { experts: 2, ranks: 3 } })).toMatchObject({
    code: "crm/unknown-parameter",
    place: "lowRank.ranks",
    remedy: "Did you mean rank?",
  });
  expect(error({ model: "DeepFM", hiddenUnits: [16, 0] })).toMatchObject({
    code: "crm/bad-parameter",
    place: "hiddenUnits.1",
  });
  expect(error({ model: "AutoInt", attentionDim: 9, heads: 2 })).toMatchObject({
    code: "crm/bad-parameter",
    place: "attentionDim",
  });
  expect(error({ model: "DIN" })).toMatchObject({ code: "crm/features", place: "features" });
  expect(error({ model: "FinalMLP", heads: 3 })).toMatchObject({ code: "crm/bad-parameter", place: "heads" });
  expect(error({ model: "FinalMLP", stream1: { context: ["itme"] } })).toMatchObject({
    code: "crm/features",
    place: "stream1.context",
  });
  expect(error({ model: "FinalMLP", stream2: { hiddenUnit: [3] } })).toMatchObject({
    code: "crm/unknown-parameter",
    remedy: "Did you mean hiddenUnits?",
  });
  expect(error({ model: "FiGNN" }, features.slice(0, 1))).toMatchObject({ code: "crm/features" });
  expect(error({ model: "DCNv2" }, [])).toMatchObject({ code: "crm/features", place: "features" });
  const twice = [...features, features[0]!];
  expect(error({ model: "DCNv2" }, twice)).toMatchObject({ code: "crm/features", place: "features.user" });
  const unequal: CrmFeature[] = [
    ...features,
    { name: "x", type: "categorical", vocabularySize: 7, table: "item" },
  ];
  expect(error({ model: "DCNv2" }, unequal)).toMatchObject({ code: "crm/features", place: "features.x" });
  const unlike: CrmFeature[] = [
    ...features,
    { name: "x", type: "categorical", vocabularySize: 20, table: "item", paddingRow: false },
  ];
  expect(error({ model: "DCNv2" }, unlike)).toMatchObject({ code: "crm/features", place: "features.x" });
  const wrong: CrmFeature = {
    name: "h",
    type: "sequence",
    vocabularySize: 20,
    maxLength: 5,
    pooling: "attention",
    table: "item",
  };
  for (const [change, place] of [
    [{ target: "age" }, "features.h.target"],
    [{ target: "history" }, "features.h.target"],
    [{ plus: ["item"] }, "features.h.plus"],
    [{ plus: ["h"] }, "features.h.plus"],
  ] as const) {
    const given = [...features, { ...wrong, ...change }];
    expect(error({ model: "DCNv2" }, given)).toMatchObject({ code: "crm/features", place });
  }
  expect(error({ model: "DCNv2", attention: { softMax: true } })).toMatchObject({
    code: "crm/unknown-parameter",
    place: "attention.softMax",
    remedy: "Did you mean softmax?",
  });
  for (const name of ["label", "bias"]) {
    const taken: CrmFeature[] = [{ name, type: "numeric" }];
    expect(error({ model: "DCNv2" }, taken)).toMatchObject({
      code: "crm/features",
      place: `features.${name}`,
    });
  }
  const ids = (name: string, table: string): CrmFeature => ({
    name,
    type: "categorical",
    vocabularySize: 5,
    table,
  });
  // Values go by name alone: lr.bias is the intercept of the first order, which DCNv2 does not have.
  expect(error({ model: "DeepFM" }, [ids("bias", "bias"), ...features])).toMatchObject({
    code: "crm/features",
    place: "features.bias",
  });
  expect(error({ model: "DCNv2" }, [ids("bias", "bias"), ...features])).toBeUndefined();
  expect(error({ model: "DCNv2" }, [ids("decade", "age"), ...features])).toMatchObject({
    code: "crm/features",
    place: "features.age",
  });
});
