import type { BenchCase } from "../contestant.ts";
import { crmStep, type CrmShape } from "../programs/crm.ts";

/** ML-1M's seven fields; the two ids beyond the values are padding and out-of-vocabulary. */
const fields = { user: 6042, gender: 4, age: 9, job: 23, zip: 3441, movie: 3708, genre: 20 };
const common = { embedding_dim: 32, embedding_regularizer: 1e-6, learning_rate: 1e-3, net_dropout: 0 };
const tower = { ...common, batch_norm: false };

/** FuxiCTR's configurations; all that is not named has its default. */
const configs: Readonly<Record<string, CrmShape["config"]>> = {
  DCNv2: {
    ...tower,
    model_structure: "parallel",
    use_low_rank_mixture: false,
    parallel_dnn_hidden_units: [400, 400, 400],
    num_cross_layers: 3,
  },
  DeepFM: { ...tower, hidden_units: [400, 400, 400] },
  xDeepFM: { ...tower, dnn_hidden_units: [400, 400, 400], cin_hidden_units: [32, 32, 32] },
  FiBiNET: {
    ...tower,
    hidden_units: [400, 400, 400],
    bilinear_type: "field_interaction",
    reduction_ratio: 3,
  },
  AutoInt: {
    ...tower,
    dnn_hidden_units: [400, 400],
    num_heads: 2,
    attention_layers: 3,
    attention_dim: 32,
    use_residual: true,
    layer_norm: false,
    use_scale: false,
    use_wide: false,
  },
  FiGNN: {
    embedding_dim: 32,
    embedding_regularizer: 1e-6,
    learning_rate: 1e-3,
    gnn_layers: 3,
    use_residual: true,
    use_gru: true,
    reuse_graph_layer: false,
  },
};

/** Training rows of ML-1M as FuxiCTR was run on it. */
const epochRows = 776_007;

/** @param epoch measures whole epochs instead of single steps */
export function crmCases(epoch: boolean): BenchCase[] {
  return Object.entries(configs).flatMap(([model, config]) =>
    (["dense", "lazy"] as const).map((tables): BenchCase => {
      const shape: CrmShape = { model, fields, batch: 4096, config, epochRows: epoch ? epochRows : 0 };
      const unit = epoch ? "epoch" : "step";
      return {
        name: `${model.toLowerCase()}-${unit}${tables === "lazy" ? "-lazy" : ""}`,
        what: `training ${unit} of ${model}, 7 fields x 32, batch 4096, tables ${tables}`,
        subject: (runtime) => crmStep(runtime, shape, tables),
        rivals: [
          {
            name: "fuxictr",
            peer: { script: "fuxictr_crm.py", settings: { ...shape } },
            note:
              tables === "dense"
                ? "same update of all rows; FuxiCTR also clips the gradient's norm at 10"
                : "FuxiCTR updates all rows and clips the gradient's norm at 10; ours updates the batch's rows",
          },
        ],
        steps: epoch ? 1 : 3,
        perStep: { unit: "samples", count: epoch ? epochRows : shape.batch },
      };
    }),
  );
}
