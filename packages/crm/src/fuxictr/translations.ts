const activations: Readonly<Record<string, string>> = {
  relu: "relu",
  leakyrelu: "leakyRelu",
  elu: "elu",
  sigmoid: "sigmoid",
  tanh: "tanh",
  prelu: "prelu",
  dice: "dice",
  identity: "linear",
};

/** Our parameters' values by dotted path. */
type Translate = (value: unknown) => Readonly<Record<string, unknown>>;

const as =
  (path: string): Translate =>
  (value) => ({ [path]: value });
/** A tower that may be missing. */
const units =
  (path: string): Translate =>
  (value) => ({ [path]: value ?? [] });
/** FuxiCTR also takes a list of one value for each layer: here they have to be the same. */
const ofAllLayers = (value: unknown): unknown =>
  Array.isArray(value) && value.length > 0 && new Set(value).size === 1 ? value[0] : value;
const dropout =
  (path: string): Translate =>
  (value) => ({ [path]: ofAllLayers(value) });
const activation =
  (path: string): Translate =>
  (value) => {
    const name = ofAllLayers(value);
    return { [path]: name === null ? "linear" : (activations[String(name).toLowerCase()] ?? name) };
  };

/** Defaults of a model of the peer, and what each of its parameters is called here. */
export interface Translation {
  /** Our model, where its name differs. */
  readonly model?: string;
  /** What the peer's model is without saying so. */
  readonly implied?: Readonly<Record<string, unknown>>;
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly parameters: Readonly<Record<string, Translate>>;
  /** Parameters that may have these values only. */
  readonly only?: Readonly<Record<string, readonly unknown[]>>;
}
const tower = {
  embedding_dim: as("embeddingDim"),
  net_dropout: dropout("dropout"),
  batch_norm: as("batchNormalization"),
};
const towerDefaults = { embedding_dim: 10, net_dropout: 0, batch_norm: false };

function stream(theirs: string, ours: string): Translation {
  return {
    defaults: {
      [`${theirs}_hidden_units`]: [64, 64, 64],
      [`${theirs}_hidden_activations`]: "ReLU",
      [`${theirs}_dropout`]: 0,
      [`${theirs}_batch_norm`]: false,
    },
    parameters: {
      [`${theirs}_hidden_units`]: as(`${ours}.hiddenUnits`),
      [`${theirs}_hidden_activations`]: activation(`${ours}.activation`),
      [`${theirs}_dropout`]: dropout(`${ours}.dropout`),
      [`${theirs}_batch_norm`]: as(`${ours}.batchNormalization`),
    },
  };
}

const gatedCross: Translation = {
  defaults: { ...towerDefaults, dnn_hidden_units: [], dnn_activations: "ReLU", num_cross_layers: 3 },
  parameters: {
    ...tower,
    dnn_hidden_units: as("hiddenUnits"),
    dnn_activations: activation("activation"),
    num_cross_layers: as("crossLayers"),
  },
};

/** Translations of FuxiCTR's models, by its names of them. */
export const translations: Readonly<Record<string, Translation>> = {
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
      dnn_hidden_units: units("hiddenUnits"),
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
      dnn_hidden_units: units("hiddenUnits"),
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
  FM: {
    defaults: { embedding_dim: 10 },
    // The regulariser is read by `fromFuxiCtrRegularizers`.
    parameters: { embedding_dim: as("embeddingDim"), regularizer: () => ({}) },
  },
  WideDeep: {
    defaults: { ...towerDefaults, hidden_units: [64, 64, 64], hidden_activations: "ReLU" },
    parameters: { ...tower, hidden_units: as("hiddenUnits"), hidden_activations: activation("activation") },
  },
  DIN: {
    defaults: {
      ...towerDefaults,
      dnn_hidden_units: [512, 128, 64],
      dnn_activations: "ReLU",
      attention_hidden_units: [64],
      attention_hidden_activations: "Dice",
      attention_dropout: 0,
      din_use_softmax: false,
    },
    parameters: {
      ...tower,
      dnn_hidden_units: as("hiddenUnits"),
      dnn_activations: activation("activation"),
      attention_hidden_units: as("attention.hiddenUnits"),
      attention_hidden_activations: activation("attention.activation"),
      attention_dropout: dropout("attention.dropout"),
      din_use_softmax: as("attention.softmax"),
      // Said by the features: `fromFuxiCtrFeatures`.
      din_target_field: () => ({}),
      din_sequence_field: () => ({}),
    },
    only: { attention_output_activation: [null] },
  },
  MaskNet: {
    defaults: {
      embedding_dim: 10,
      net_dropout: 0,
      dnn_hidden_units: [64, 64, 64],
      dnn_hidden_activations: "ReLU",
      model_type: "SerialMaskNet",
      parallel_num_blocks: 1,
      parallel_block_dim: 64,
      reduction_ratio: 1,
      emb_layernorm: true,
      net_layernorm: true,
    },
    parameters: {
      embedding_dim: as("embeddingDim"),
      net_dropout: dropout("dropout"),
      dnn_hidden_units: as("hiddenUnits"),
      dnn_hidden_activations: activation("activation"),
      model_type: (value) => ({ structure: value === "ParallelMaskNet" ? "parallel" : "serial" }),
      parallel_num_blocks: as("blocks"),
      parallel_block_dim: as("blockUnits"),
      reduction_ratio: as("reductionRatio"),
      emb_layernorm: as("embeddingNormalization"),
      net_layernorm: as("layerNormalization"),
    },
  },
  FinalMLP: {
    defaults: {
      embedding_dim: 10,
      ...stream("mlp1", "stream1").defaults,
      ...stream("mlp2", "stream2").defaults,
      use_fs: true,
      fs_hidden_units: [64],
      fs1_context: [],
      fs2_context: [],
      num_heads: 1,
    },
    parameters: {
      embedding_dim: as("embeddingDim"),
      ...stream("mlp1", "stream1").parameters,
      ...stream("mlp2", "stream2").parameters,
      use_fs: as("featureSelection"),
      fs_hidden_units: as("selectionUnits"),
      fs1_context: as("stream1.context"),
      fs2_context: as("stream2.context"),
      num_heads: as("heads"),
    },
  },
  GDCN: { ...gatedCross, implied: { structure: "stacked" } },
  GDCNP: { ...gatedCross, model: "GDCN", implied: { structure: "parallel" } },
};
