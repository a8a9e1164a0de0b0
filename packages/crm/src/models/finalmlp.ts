import { z } from "zod";
import { featuresNamed, type CrmFeature } from "../features.ts";
import { bilinearFusion } from "../layers/bilinear-fusion.ts";
import { embedding } from "../layers/embedding.ts";
import { featureSelection } from "../layers/feature-selection.ts";
import { perSample, type Layer, type Tensor } from "../layers/layer.ts";
import { mlp } from "../layers/mlp.ts";
import { model, type Crm } from "../model.ts";
import { embeddingFields, towerFields, type EmbeddingConfig, type TowerConfig } from "./config.ts";

/** One of the two towers of FinalMLP, and what its feature selection depends on. */
export interface StreamConfig extends TowerConfig {
  hiddenUnits: number[];
  /** Names of the features that its selection depends on; none: a learned vector. */
  context: string[];
}

/** Parameters of the model `FinalMLP`; `finalMlpSchema` has their defaults. */
export interface FinalMlpConfig extends EmbeddingConfig {
  stream1: StreamConfig;
  stream2: StreamConfig;
  featureSelection: boolean;
  /** Hidden layers of the gates that select. */
  selectionUnits: number[];
  /** Pieces of the bilinear fusion; divides the last units of both streams. */
  heads: number;
}

const stream: z.ZodType<StreamConfig, unknown> = z
  .strictObject({
    ...towerFields,
    hiddenUnits: z.array(z.int().positive()).min(1).default([400, 400, 400]),
    context: z.array(z.string()).default([]),
  })
  .prefault({ activation: "relu" });

/** Defaults: the paper's streams of three layers of 400, with a gate and one head. */
export const finalMlpSchema: z.ZodType<FinalMlpConfig, unknown> = z
  .strictObject({
    ...embeddingFields,
    stream1: stream,
    stream2: stream,
    featureSelection: z.boolean().default(true),
    selectionUnits: z.array(z.int().positive()).default([64]),
    heads: z.int().positive().default(1),
  })
  .refine(
    ({ stream1, stream2, heads }) =>
      [stream1, stream2].every(({ hiddenUnits }) => hiddenUnits.at(-1)! % heads === 0),
    { path: ["heads"], error: "heads must divide the last units of both streams" },
  );

/**
 * FinalMLP (Mao et al. 2023, arXiv:2304.00902): two towers over differently selected embeddings, fused bilinearly.
 * Hidden states: the output of each tower, [batch, units].
 */
export function finalMlp(config: FinalMlpConfig, features: readonly CrmFeature[]): Crm {
  const { stream1, stream2, heads } = config;
  const [width1, width2] = [stream1.hiddenUnits.at(-1)!, stream2.hiddenUnits.at(-1)!];
  const width = features.length * config.embeddingDim;
  const selection = (name: "stream1" | "stream2"): Layer<Tensor, Tensor> | undefined => {
    const context = featuresNamed(config[name].context, features, `${name}.context`);
    return config.featureSelection
      ? featureSelection(width, context, config.selectionUnits, config)
      : undefined;
  };
  return model(
    features,
    {
      embedding: embedding(features, config),
      selection1: selection("stream1"),
      selection2: selection("stream2"),
      mlp1: mlp({ ...stream1, inSize: width }),
      mlp2: mlp({ ...stream2, inSize: width }),
      fusion: bilinearFusion(width1, width2, heads),
    },
    [width1, width2],
    (call) => {
      const { flat } = call.embedding();
      const x = call.mlp1(call.selection1?.(flat) ?? flat).output;
      const y = call.mlp2(call.selection2?.(flat) ?? flat).output;
      return { logit: perSample(call.fusion([x, y])), hiddenStates: [x, y] };
    },
  );
}
