import { tf, type InputSpec, type ParamSpec, type Scope, type TableSpec } from "@corella/engine";
import {
  inputSpec,
  isNumbers,
  project,
  projectionSpec,
  tableSpec,
  targetOf,
  type CrmFeature,
  type SequenceFeature,
} from "../features.ts";
import { combine, type Layer, type Tensor } from "./layer.ts";
import { targetAttention, type AttentionConfig, type AttentionInput } from "./target-attention.ts";

/** The embeddings of a batch, field by field and side by side. */
export interface Embedded {
  /** One [batch, dim] for each feature, in the order of the features. */
  readonly fields: Tensor[];
  /** [batch, fields * dim], field-major. */
  readonly flat: Tensor;
}

/** How features become vectors. */
export interface EmbeddingOptions {
  readonly embeddingDim: number;
  /** How sequences with the pooling `attention` are pooled; each has a network of its own. */
  readonly attention: AttentionConfig;
}

/**
 * A table's row moves whenever its id occurs; a number's vector is in every sample, and what it scales has a deviation of 1.
 * At 1e-4 a network needs an epoch to hear of it, and at .5 the products of two vectors drown all else in DeepFM.
 */
const numberStd = 0.1;

/**
 * Looks up and pools the features. Tables are N(0, 1e-4) with a padding row of zeros; a number scales a vector, at first
 * N(0, 0.1), several are projected to as wide a one.
 */
export function embedding(features: readonly CrmFeature[], options: EmbeddingOptions): Layer<void, Embedded> {
  const { embeddingDim: dim } = options;
  const params: Record<string, ParamSpec> = {};
  const tables: Record<string, TableSpec> = {};
  const inputs: Record<string, InputSpec> = {};
  const units: Record<string, Layer<AttentionInput, Tensor>> = {};
  for (const feature of features) {
    inputs[feature.name] = inputSpec(feature);
    if (isNumbers(feature)) {
      params[feature.name] = projectionSpec(feature, dim, numberStd);
    } else {
      tables[feature.table] = tableSpec(feature, dim);
    }
    if (feature.type === "sequence" && feature.pooling === "attention")
      units[`attention.${feature.name}`] = targetAttention(dim, options.attention);
  }
  const attention = combine(units, (call, { name, ...input }: AttentionInput & { readonly name: string }) =>
    call[`attention.${name}`]!(input),
  );
  return {
    params: { ...params, ...attention.params },
    tables,
    inputs,
    forward(scope) {
      const looked = new Map(features.map((feature) => [feature.name, lookUp(scope, feature)]));
      const vector = (name: string): Tensor => looked.get(name)!;
      const fields = features.map((feature) => {
        const { name } = feature;
        if (feature.type !== "sequence") return vector(name);
        const events = (feature.plus ?? []).reduce((sum, other) => tf.add(sum, vector(other)), vector(name));
        if (feature.pooling !== "attention") return pool(scope, feature, events);
        const target = vector(targetOf(feature));
        return attention.forward(scope, { name, target, events, mask: mask(scope, feature) });
      });
      return { fields, flat: fields.length === 1 ? fields[0]! : tf.concat(fields, 1) };
    },
  };
}

/** -> [batch, dim], of a sequence [batch, length, dim] */
function lookUp(scope: Scope, feature: CrmFeature): Tensor {
  if (isNumbers(feature)) return project(scope, feature);
  return scope.lookup(feature.table, scope.input(feature.name));
}

/** [batch, length, dim] -> [batch, dim]. The padding rows are zero, so a sum needs no mask. */
function pool(scope: Scope, feature: SequenceFeature, events: Tensor): Tensor {
  const sum = tf.sum(events, 1);
  if (feature.pooling === "sum") return sum;
  const count = tf.sum(mask(scope, feature), 1, true);
  return tf.mul(sum, tf.reciprocal(tf.add(count, 1e-12)));
}

/** [batch, length], 1 where an event is. */
function mask(scope: Scope, { name }: SequenceFeature): Tensor {
  return tf.cast(tf.notEqual(scope.input(name), tf.scalar(0, "int32")), "float32");
}
