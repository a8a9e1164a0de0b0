import type { BenchCase } from "../contestant.ts";
import { crmCosts } from "./crm-cost.ts";
import { crmEpoch, crmStep, type CrmShape, type Tables } from "../programs/crm.ts";
import { ml1mSamples } from "../programs/ml-1m.ts";

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

const batch = 4096;

/** Steps over fields, embedding size, batch and rows. */
export const crmCostCases = (): BenchCase[] => crmCosts(configs);

const notes = {
  dense: "same update of all rows; FuxiCTR also clips the gradient's norm at 10",
  lazy: "FuxiCTR updates all rows and clips the gradient's norm at 10; ours updates the batch's rows",
} as const;

/** Single steps on random ids. */
export function crmSteps(): BenchCase[] {
  return everyModel((model, config, tables): BenchCase => {
    const shape: CrmShape = { model, fields, batch, config };
    return {
      name: `${model.toLowerCase()}-step${suffix[tables]}`,
      what: `training step of ${model}, 7 fields x 32, batch ${batch}, tables ${tables}`,
      subject: (runtime) => crmStep(runtime, shape, tables),
      rivals: [
        { name: "fuxictr", peer: { script: "fuxictr_crm.py", settings: { ...shape } }, note: notes[tables] },
      ],
      steps: 3,
      perStep: { unit: "samples", count: batch },
    };
  });
}

/**
 * Epochs of ML-1M's training part, the same rows on both sides, without evaluation.
 * @param share of an epoch that is run; its time is scaled to the whole
 */
export async function crmEpochs(ml1m: string, cacheFolder: string, share: number): Promise<BenchCase[]> {
  const { featureMap, samples } = await ml1mSamples(ml1m, cacheFolder);
  const sizes = Object.fromEntries(
    featureMap.features.map(({ name, vocabularySize }) => [name, vocabularySize]),
  );
  const all = Math.ceil(samples.size / batch);
  const batches = Math.max(1, Math.round(share * all));
  return everyModel((model, config, tables): BenchCase => {
    const shape: CrmShape = { model, fields: sizes, batch, config };
    return {
      name: `${model.toLowerCase()}-epoch${suffix[tables]}`,
      what: `${batches} of ${all} batches of an epoch of ${model} on ML-1M, tables ${tables}`,
      subject: (runtime) => crmEpoch(runtime, shape, tables, { samples, batches }),
      rivals: [
        {
          name: "fuxictr",
          peer: {
            script: "fuxictr_crm.py",
            settings: { ...shape, samples: samples.folder, batches: batches === all ? null : batches },
          },
          note: `${batches} of ${all} batches; ${notes[tables]}`,
        },
      ],
      steps: 1,
      scale: all / batches,
      perStep: { unit: "samples", count: samples.size },
    };
  });
}

const suffix = { dense: "", lazy: "-lazy" } as const;

function everyModel(
  make: (model: string, config: CrmShape["config"], tables: Tables) => BenchCase,
): BenchCase[] {
  return Object.entries(configs).flatMap(([model, config]) =>
    (["dense", "lazy"] as const).map((tables) => make(model, config, tables)),
  );
}
