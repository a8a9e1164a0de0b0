import { CorellaError, nearestName } from "@corella/errors";
import type { CrmConfig } from "../registry.ts";

/** What FuxiCTR's models take that is about training or files, and so belongs elsewhere here. */
const training = new Set(
  "embedding_regularizer net_regularizer learning_rate optimizer loss task metrics model_root verbose gpu model_id".split(
    " ",
  ),
);

type Translate = (value: unknown) => Record<string, unknown>;
const as =
  (name: string): Translate =>
  (value) => ({ [name]: value });
const activation =
  (name: string): Translate =>
  (value) => ({ [name]: value === null ? "linear" : (activations[String(value).toLowerCase()] ?? value) });
const activations: Record<string, string> = {
  relu: "relu",
  leakyrelu: "leakyRelu",
  elu: "elu",
  sigmoid: "sigmoid",
  tanh: "tanh",
};

/** Defaults of the peer, and what each of its parameters is called here. */
interface Translation {
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly parameters: Readonly<Record<string, Translate>>;
}

const tower = {
  embedding_dim: as("embeddingDim"),
  net_dropout: as("dropout"),
  batch_norm: as("batchNormalization"),
};
const towerDefaults = { embedding_dim: 10, net_dropout: 0, batch_norm: false };

const translations: Readonly<Record<string, Translation>> = {
  DCNv2: {
    defaults: {
      ...towerDefaults,
      model_structure: "parallel",
      use_low_rank_mixture: false,
      low_rank: 32,
      num_experts: 4,
      stacked_dnn_hidden_units: [],
      parallel_dnn_hidden_units: [],
      dnn_activations: "ReLU",
      num_cross_layers: 3,
    },
    parameters: {
      ...tower,
      model_structure: as("structure"),
      num_cross_layers: as("crossLayers"),
      stacked_dnn_hidden_units: as("stackedUnits"),
      parallel_dnn_hidden_units: as("parallelUnits"),
      dnn_activations: activation("activation"),
      use_low_rank_mixture: () => ({}),
      low_rank: () => ({}),
      num_experts: () => ({}),
    },
  },
  DeepFM: {
    defaults: { ...towerDefaults, hidden_units: [64, 64, 64], hidden_activations: "ReLU" },
    parameters: { ...tower, hidden_units: as("hiddenUnits"), hidden_activations: activation("activation") },
  },
  xDeepFM: {
    defaults: {
      ...towerDefaults,
      dnn_hidden_units: [64, 64, 64],
      dnn_activations: "ReLU",
      cin_hidden_units: [16, 16, 16],
    },
    parameters: {
      ...tower,
      dnn_hidden_units: as("hiddenUnits"),
      dnn_activations: activation("activation"),
      cin_hidden_units: as("cinUnits"),
    },
  },
  FiBiNET: {
    defaults: {
      ...towerDefaults,
      hidden_units: [],
      hidden_activations: "ReLU",
      excitation_activation: "ReLU",
      reduction_ratio: 3,
      bilinear_type: "field_interaction",
    },
    parameters: {
      ...tower,
      hidden_units: as("hiddenUnits"),
      hidden_activations: activation("activation"),
      excitation_activation: activation("gateActivation"),
      reduction_ratio: as("reductionRatio"),
      bilinear_type: as("bilinearType"),
    },
  },
  AutoInt: {
    defaults: {
      ...towerDefaults,
      dnn_hidden_units: [64, 64, 64],
      dnn_activations: "ReLU",
      attention_layers: 2,
      num_heads: 1,
      attention_dim: 8,
      layer_norm: false,
      use_scale: false,
      use_wide: false,
      use_residual: true,
    },
    parameters: {
      ...tower,
      dnn_hidden_units: as("hiddenUnits"),
      dnn_activations: activation("activation"),
      attention_layers: as("attentionLayers"),
      num_heads: as("heads"),
      attention_dim: as("attentionDim"),
      layer_norm: as("layerNormalization"),
      use_scale: as("scale"),
      use_wide: as("wide"),
      use_residual: as("residual"),
    },
  },
  FiGNN: {
    defaults: {
      embedding_dim: 10,
      gnn_layers: 3,
      use_residual: true,
      use_gru: true,
      reuse_graph_layer: false,
    },
    parameters: {
      embedding_dim: as("embeddingDim"),
      gnn_layers: as("graphLayers"),
      use_residual: as("residual"),
      use_gru: as("gru"),
      reuse_graph_layer: as("sharedLayers"),
    },
  },
};

/** The config of our model that computes what FuxiCTR's does. @throws CorellaError `crm/fuxictr` */
export function fromFuxiCtrConfig(model: string, config: Readonly<Record<string, unknown>>): CrmConfig {
  const translation = translations[model];
  if (translation === undefined) {
    throw new CorellaError({
      code: "crm/fuxictr",
      message: `FuxiCTR's model ${model} has no counterpart.`,
      place: "model",
      remedy: `Use one of ${Object.keys(translations).join(", ")}.`,
    });
  }
  const ours: Record<string, unknown> = {};
  const given = { ...translation.defaults, ...config };
  for (const [name, value] of Object.entries(given)) {
    if (training.has(name)) continue;
    const translate = translation.parameters[name];
    if (translate === undefined) {
      const near = nearestName(name, Object.keys(translation.parameters));
      throw new CorellaError({
        code: "crm/fuxictr",
        message: `FuxiCTR's parameter ${name} of ${model} has no counterpart.`,
        place: name,
        remedy: near === undefined ? "Leave it out." : `Did you mean ${near}?`,
      });
    }
    Object.assign(ours, translate(value));
  }
  if (given["use_low_rank_mixture"] === true) {
    ours["lowRank"] = { rank: given["low_rank"], experts: given["num_experts"] };
  }
  return { model, ...ours };
}
