import type { Part, Scope } from "@corella/engine";
import { checkFeatures, type CrmFeature } from "./features.ts";
import { combine, type Calls, type Layer, type Tensor } from "./layers/layer.ts";

/** What alignment and routing need to know of a model, and no more. */
export interface CrmOutput {
  /** [batch] */
  readonly logit: Tensor;
  /** One [batch, d] for each interaction layer, in order. */
  readonly hiddenStates: Tensor[];
}

/** A model of named layers; `forward` reads as the paper. */
export function model<Layers extends Record<string, Layer<never, unknown> | undefined>>(
  features: readonly CrmFeature[],
  layers: Layers,
  forward: (call: Calls<Layers>) => CrmOutput,
): Part<CrmOutput> {
  checkFeatures(features);
  const { params, tables, inputs, forward: run } = combine<Layers, void, CrmOutput>(layers, forward);
  return { params, tables, inputs, forward: (scope: Scope) => run(scope, undefined) };
}
