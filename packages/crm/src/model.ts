import type { Part } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { checkFeatures, type CrmFeature } from "./features.ts";
import { combine, type Calls, type Layer, type Tensor } from "./layers/layer.ts";

/** What alignment and routing need to know of a model, and no more. */
export interface CrmOutput {
  /** [batch] */
  readonly logit: Tensor;
  /** One [batch, width] for each interaction layer, in order. */
  readonly hiddenStates: Tensor[];
}

/** A conventional recommendation model: what it declares, what it computes, and how wide its hidden states are. */
export interface Crm extends Part<CrmOutput> {
  /** The width of each interaction layer's hidden state, in the order of `hiddenStates`. */
  readonly hiddenWidths: readonly number[];
}

/**
 * A model of named layers; `forward` reads as the paper.
 * @param hiddenWidths of the hidden states that `forward` gives, in their order
 * @throws CorellaError `crm/features`
 */
export function model<Layers extends Record<string, Layer<never, unknown> | undefined>>(
  features: readonly CrmFeature[],
  layers: Layers,
  hiddenWidths: readonly number[],
  forward: (call: Calls<Layers>) => CrmOutput,
): Crm {
  checkFeatures(features);
  const { params, tables, inputs, forward: run } = combine<Layers, void, CrmOutput>(layers, forward);
  // Values go by name alone.
  const twice = Object.keys(tables).find((name) => Object.hasOwn(params, name));
  if (twice !== undefined) {
    throw new CorellaError({
      code: "crm/features",
      message: `The ids of a feature and a parameter of the model are both named ${twice}.`,
      place: `features.${twice.replace(/^.*\./, "")}`,
      remedy: "Give that feature, or its table, another name.",
    });
  }
  return { params, tables, inputs, hiddenWidths, forward: (scope) => run(scope, undefined) };
}
