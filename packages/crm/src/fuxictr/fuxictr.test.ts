import { describe, expect, test } from "vitest";
import { parseCrmConfig } from "../index.ts";
import { fromFuxiCtrConfig, fromFuxiCtrFeatures, fromFuxiCtrRegularizers } from "./index.ts";
import { noiseOf } from "./noise.ts";

const thrown = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return error;
  }
};

describe("a configuration", () => {
  test("may say of training and data what FuxiCTR's files say", () => {
    // The keys of model_zoo/DCNv2/config/model_config.yaml.
    const file = {
      model_root: "./checkpoints/",
      num_workers: 3,
      verbose: 1,
      early_stop_patience: 2,
      pickle_feature_encoder: true,
      save_best_only: true,
      eval_steps: null,
      debug_mode: false,
      group_id: null,
      use_features: null,
      feature_specs: null,
      feature_config: null,
      model: "DCNv2",
      dataset_id: "tiny_parquet",
      loss: "binary_crossentropy",
      metrics: ["logloss", "AUC"],
      task: "binary_classification",
      optimizer: "adam",
      model_structure: "parallel",
      use_low_rank_mixture: true,
      low_rank: 32,
      num_experts: 4,
      learning_rate: 1e-3,
      embedding_regularizer: 0,
      net_regularizer: 0,
      batch_size: 128,
      embedding_dim: 40,
      stacked_dnn_hidden_units: [64, 32],
      parallel_dnn_hidden_units: [64, 32],
      dnn_activations: ["Identity", "Identity"],
      num_cross_layers: 3,
      net_dropout: [0.1, 0.1],
      batch_norm: false,
      epochs: 1,
      shuffle: true,
      seed: 2019,
      monitor: "AUC",
      monitor_mode: "max",
    };
    expect(fromFuxiCtrConfig("DCNv2", file)).toEqual({
      model: "DCNv2",
      structure: "parallel",
      lowRank: { rank: 32, experts: 4 },
      embeddingDim: 40,
      stackedUnits: [64, 32],
      parallelUnits: [64, 32],
      activation: "linear",
      crossLayers: 3,
      dropout: 0.1,
      batchNormalization: false,
    });
  });

  test("without a tower has none", () => {
    for (const model of ["xDeepFM", "AutoInt"]) {
      const { parameters } = parseCrmConfig(fromFuxiCtrConfig(model, { dnn_hidden_units: null }));
      expect(parameters).toMatchObject({ hiddenUnits: [] });
    }
  });

  test.each([
    ["DeepFM", { task: "regression" }, "task"],
    ["DeepFM", { loss: "mse_loss" }, "loss"],
    ["DeepFM", { regularizer: 0.1 }, "regularizer"],
    ["DeepFM", { use_features: ["C1"] }, "use_features"],
    ["DIN", { attention_output_activation: "Sigmoid" }, "attention_output_activation"],
    ["DCNv2", { toString: 1 }, "toString"],
  ])("of %s with %j is refused", (model, config, place) => {
    expect(thrown(() => fromFuxiCtrConfig(model, config))).toMatchObject({ code: "crm/fuxictr", place });
  });

  test("has L2 regularisers", () => {
    const read = fromFuxiCtrRegularizers;
    expect(read({})).toEqual({ embedding: 0, net: 0 });
    expect(read({ embedding_regularizer: 1e-3, net_regularizer: null })).toEqual({ embedding: 1e-3, net: 0 });
    expect(read({ embedding_regularizer: "l2(1.e-3)", net_regularizer: "l2(0)" })).toEqual({
      embedding: 1e-3,
      net: 0,
    });
    expect(read({ regularizer: "l2(0.5)" })).toEqual({ embedding: 0.5, net: 0.5 });
    for (const regularizer of ["l1(0.1)", "l1_l2(0.1,0.2)", "l2(x)", "0.1", -1, true])
      expect(thrown(() => read({ net_regularizer: regularizer }))).toMatchObject({
        code: "crm/fuxictr",
        place: "net_regularizer",
      });
  });
});

describe("features", () => {
  const ids = { vocab_size: 5, padding_idx: 0 };
  const hist = { ...ids, name: "hist", type: "sequence", max_len: 3 };

  test("share the tables of those before them", () => {
    const item = { ...ids, name: "item", type: "categorical" };
    const features = [
      { ...hist, share_embedding: "item" },
      { name: "group", type: "meta" },
      item,
      { ...item, name: "seen", share_embedding: "item" },
      { ...item, name: "next", share_embedding: "seen" },
      { ...item, name: "bucket", padding_idx: null },
      { name: "age", type: "numeric" },
    ];
    const categorical = { type: "categorical", vocabularySize: 5 };
    expect(fromFuxiCtrFeatures(features)).toEqual([
      { name: "hist", type: "sequence", vocabularySize: 5, maxLength: 3, table: "hist", pooling: "mean" },
      { ...categorical, name: "item", table: "item" },
      { ...categorical, name: "seen", table: "item" },
      { ...categorical, name: "next", table: "item" },
      { ...categorical, name: "bucket", table: "bucket", paddingRow: false },
      { name: "age", type: "numeric" },
    ]);
  });

  test.each([
    ["layers.MaskedAveragePooling()", "mean"],
    [["layers.MaskedAveragePooling()"], "mean"],
    ["layers.MaskedSumPooling()", "sum"],
    [["layers.MaskedSumPooling()"], "sum"],
  ])("encoded by %j", (encoder, pooling) => {
    const [feature] = fromFuxiCtrFeatures([{ ...hist, feature_encoder: encoder }]);
    expect(feature).toMatchObject({ pooling });
  });

  test.each([
    { ...hist, feature_encoder: "layers.KMaxPooling(2, 1)" },
    { ...hist, feature_encoder: ["layers.MaskedSumPooling()", "nn.Linear(4, 4)"] },
    { ...hist, padding_idx: null },
    { ...hist, padding_idx: 4 },
    { ...hist, embedding_dim: 16 },
    { ...hist, type: "embedding" },
    { ...hist, type: "categorical", feature_encoder: "nn.Linear(4, 4)" },
  ])("that have no counterpart are refused: %j", (feature) => {
    expect(thrown(() => fromFuxiCtrFeatures([feature], { embedding_dim: 8 }))).toMatchObject({
      code: "crm/fuxictr",
      place: "hist",
    });
  });
});

test("what follows from a bias before batch normalisation is noise, in training only", () => {
  const names = ["buffer.mlp.mlp.1.running_mean", "buffer.mlp.mlp.2.bn.running_mean", "param.mlp.mlp.0.bias"];
  const noise = (mode: "train" | "eval"): string[] =>
    [
      "loss",
      "after3.mlp.mlp.0.bias",
      "after3.mlp.mlp.1.bias",
      "buffer_after3.mlp.mlp.1.running_mean",
      "buffer_after3.mlp.mlp.1.running_var",
      "logit_after3",
    ].filter(noiseOf({ mode, noisy: ["loss"] }, names));
  expect(noise("eval")).toEqual(["loss"]);
  expect(noise("train")).toEqual([
    "loss",
    "after3.mlp.mlp.0.bias",
    "buffer_after3.mlp.mlp.1.running_mean",
    "logit_after3",
  ]);
});
