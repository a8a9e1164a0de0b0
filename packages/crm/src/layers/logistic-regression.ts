import { tf, type InputSpec, type ParamSpec, type TableSpec } from "@corella/engine";
import { inputSpec, isNumbers, project, projectionSpec, tableSpec, type CrmFeature } from "../features.ts";
import type { Layer, Tensor } from "./layer.ts";

/**
 * The first-order part: one weight per id, a sequence's weights summed, each number times its weight -> [batch, 1].
 * Each feature has a table of its own, also where embeddings are shared.
 */
export function logisticRegression(features: readonly CrmFeature[], bias: boolean): Layer<void, Tensor> {
  const params: Record<string, ParamSpec> = {};
  const tables: Record<string, TableSpec> = {};
  const inputs: Record<string, InputSpec> = {};
  for (const feature of features) {
    const { name } = feature;
    inputs[name] = inputSpec(feature);
    if (isNumbers(feature)) params[name] = projectionSpec(feature, 1, 1e-4);
    else tables[name] = tableSpec(feature, 1);
  }
  if (bias) params["bias"] = { shape: [1], init: { kind: "zeros" } };
  return {
    params,
    tables,
    inputs,
    forward(scope) {
      const terms = features.map((feature) => {
        if (isNumbers(feature)) return project(scope, feature);
        const weights = scope.lookup(feature.name, scope.input(feature.name));
        return feature.type === "sequence" ? tf.sum(weights, 1) : weights;
      });
      const sum = tf.sum(tf.concat(terms, 1), 1, true);
      return bias ? tf.add(sum, scope.param("bias")) : sum;
    },
  };
}
