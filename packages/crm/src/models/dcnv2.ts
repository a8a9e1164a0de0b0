import { z } from "zod";
import type { CrmFeature } from "../features.ts";
import { crossNetwork } from "../layers/cross-network.ts";
import { crossNetworkMix } from "../layers/cross-network-mix.ts";
import { embedding } from "../layers/embedding.ts";
import { perSample } from "../layers/layer.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { model, type Crm } from "../model.ts";
import { embeddingFields, towerFields, units, type EmbeddingConfig, type TowerConfig } from "./config.ts";

/** Parameters of the model `DCNv2`; `dcnv2Schema` has their defaults. */
export interface Dcnv2Config extends EmbeddingConfig, TowerConfig {
  structure: "crossnet_only" | "stacked" | "parallel" | "stacked_parallel";
  crossLayers: number;
  /** Low-rank mixture of experts in place of full matrices. */
  lowRank: { rank: number; experts: number } | null;
  stackedUnits: number[];
  parallelUnits: number[];
}

/** Defaults: full rank, parallel, the widths of KAR's RS/models.py and the rank and experts of the paper's section 7. */
export const dcnv2Schema: z.ZodType<Dcnv2Config, unknown> = z.strictObject({
  ...embeddingFields,
  ...towerFields,
  structure: z.enum(["crossnet_only", "stacked", "parallel", "stacked_parallel"]).default("parallel"),
  crossLayers: z.int().positive().default(3),
  lowRank: z
    .strictObject({ rank: z.int().positive().default(32), experts: z.int().positive().default(4) })
    .nullable()
    .default(null),
  stackedUnits: units([400, 400]),
  parallelUnits: units([400, 400]),
});

/**
 * DCN V2 (Wang et al. 2021, arXiv:2008.13535).
 * Hidden states: x_1..x_L of the cross network, [batch, fields * dim].
 */
export function dcnv2(config: Dcnv2Config, features: readonly CrmFeature[]): Crm {
  const { structure, crossLayers, lowRank } = config;
  const width = features.length * config.embeddingDim;
  const tower = { inSize: width, ...config };
  const isStacked = structure === "stacked" || structure === "stacked_parallel";
  const isParallel = structure === "parallel" || structure === "stacked_parallel";
  const crossOutSize = isStacked ? (config.stackedUnits.at(-1) ?? width) : width;
  const parallelOutSize = isParallel ? (config.parallelUnits.at(-1) ?? width) : 0;
  return model(
    features,
    {
      embedding: embedding(features, config),
      crossnet:
        lowRank === null
          ? crossNetwork(width, crossLayers)
          : crossNetworkMix({ size: width, layerCount: crossLayers, ...lowRank }),
      stacked_dnn: isStacked ? mlp({ ...tower, hiddenUnits: config.stackedUnits }) : undefined,
      parallel_dnn: isParallel ? mlp({ ...tower, hiddenUnits: config.parallelUnits }) : undefined,
      fc: linear(crossOutSize + parallelOutSize, 1),
    },
    Array<number>(crossLayers).fill(width),
    (call) => {
      const x0 = call.embedding().flat;
      const crossed = call.crossnet(x0);
      const xL = crossed.at(-1)!;
      const stacked = call.stacked_dnn?.(xL).output ?? xL;
      const deep = call.parallel_dnn?.(x0).output;
      const logit = call.fc(deep === undefined ? stacked : [stacked, deep]);
      return { logit: perSample(logit), hiddenStates: crossed };
    },
  );
}
