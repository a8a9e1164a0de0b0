import { CorellaError } from "@corella/errors";
import { tf, type InputSpec, type ParamSpec, type Scope, type TableSpec } from "@corella/engine";
import { inputSpec, type CrmFeature } from "../features.ts";
import type { Layer, Tensor } from "./layer.ts";

export interface Embedded {
  /** One [batch, dim] for each feature, in the order of the features. */
  readonly fields: Tensor[];
  /** [batch, fields * dim], field-major. */
  readonly flat: Tensor;
}

/** Looks up and pools the features. Tables are N(0, 1e-4) with a padding row of zeros; a number scales a vector. */
export function embedding(features: readonly CrmFeature[], dim: number): Layer<void, Embedded> {
  const params: Record<string, ParamSpec> = {};
  const tables: Record<string, TableSpec> = {};
  const inputs: Record<string, InputSpec> = {};
  for (const feature of features) {
    inputs[feature.name] = inputSpec(feature);
    if (feature.type === "numeric") {
      params[feature.name] = { shape: [1, dim], init: { kind: "normal", std: 1e-4 } };
    } else {
      tables[feature.table] = { rows: feature.vocabularySize, dim, init: { kind: "normal", std: 1e-4 } };
    }
    if (feature.type === "sequence" && feature.pooling === "attention")
      throw attentionElsewhere(feature.name);
  }
  return {
    params,
    tables,
    inputs,
    forward(scope) {
      const fields = features.map((feature) => embed(scope, feature));
      return { fields, flat: fields.length === 1 ? fields[0]! : tf.concat(fields, 1) };
    },
  };
}

/** -> [batch, dim] */
function embed(scope: Scope, feature: CrmFeature): Tensor {
  const input = scope.input(feature.name);
  if (feature.type === "numeric") return tf.mul(tf.reshape(input, [-1, 1]), scope.param(feature.name));
  const vectors = scope.lookup(feature.table, input);
  if (feature.type === "categorical") return vectors;
  // The padding row is zero, so a sum needs no mask.
  const sum = tf.sum(vectors, 1);
  if (feature.pooling === "sum") return sum;
  const count = tf.sum(tf.cast(tf.notEqual(input, tf.scalar(0, "int32")), "float32"), 1, true);
  return tf.mul(sum, tf.reciprocal(tf.add(count, 1e-12)));
}

function attentionElsewhere(name: string): CorellaError {
  return new CorellaError({
    code: "crm/features",
    message: "This model pools sequences by mean or sum only.",
    place: `features.${name}.pooling`,
    remedy: "Use pooling mean or sum.",
  });
}
