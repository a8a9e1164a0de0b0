import { z } from "zod";
import type { CrmFeature } from "../features.ts";
import { embedding } from "../layers/embedding.ts";
import { gatedCrossNetwork } from "../layers/gated-cross-network.ts";
import { perSample } from "../layers/layer.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { model, type Crm } from "../model.ts";
import { embeddingFields, towerFields, units, type EmbeddingConfig, type TowerConfig } from "./config.ts";

/** Parameters of the model `GDCN`; `gdcnSchema` has their defaults. */
export interface GdcnConfig extends EmbeddingConfig, TowerConfig {
  /** `parallel` is GDCN-P, `stacked` is GDCN-S. */
  structure: "parallel" | "stacked";
  crossLayers: number;
  hiddenUnits: number[];
}

/** Defaults: three cross layers beside a tower of 400 units, the paper's. */
export const gdcnSchema: z.ZodType<GdcnConfig, unknown> = z.strictObject({
  ...embeddingFields,
  ...towerFields,
  structure: z.enum(["parallel", "stacked"]).default("parallel"),
  crossLayers: z.int().positive().default(3),
  hiddenUnits: units([400, 400, 400]),
});

/**
 * GDCN (Wang et al. 2023, arXiv:2311.04635): a gated cross network with a tower beside or on top.
 * Hidden states: x_1..x_L of the cross network, [batch, fields * dim].
 */
export function gdcn(config: GdcnConfig, features: readonly CrmFeature[]): Crm {
  const { structure, crossLayers, hiddenUnits } = config;
  const width = features.length * config.embeddingDim;
  const isParallel = structure === "parallel";
  return model(
    features,
    {
      embedding: embedding(features, config),
      cross_net: gatedCrossNetwork(width, crossLayers),
      dnn: mlp({ ...config, inSize: width, ...(isParallel ? {} : { outSize: 1 }) }),
      fc: isParallel ? linear(width + (hiddenUnits.at(-1) ?? width), 1) : undefined,
    },
    Array<number>(crossLayers).fill(width),
    (call) => {
      const x0 = call.embedding().flat;
      const crossed = call.cross_net(x0);
      const xL = crossed.at(-1)!;
      const logit = call.fc === undefined ? call.dnn(xL).output : call.fc([xL, call.dnn(x0).output]);
      return { logit: perSample(logit), hiddenStates: crossed };
    },
  );
}
