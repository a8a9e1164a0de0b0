import { CorellaError } from "@corella/errors";
import { tf, type InputSpec, type ParamSpec, type Scope, type TableSpec } from "@corella/engine";

/**
 * What a model needs to know of a feature; `featureMap.features` of @corella/modality is a list of these.
 * Features that name the same table share it. Id 0 is padding.
 */
export type CrmFeature =
  | {
      readonly name: string;
      readonly type: "categorical";
      readonly vocabularySize: number;
      readonly table: string;
      /** False: id 0 is a value like any other. Default true: its row stays zero. */
      readonly paddingRow?: boolean | undefined;
    }
  | {
      readonly name: string;
      readonly type: "sequence";
      readonly vocabularySize: number;
      readonly maxLength: number;
      /** `attention`: the sum weighted by a network that sees each event beside the target (DIN). */
      readonly pooling: "mean" | "sum" | "attention";
      readonly table: string;
      /** Sequences of the same events whose vectors are added to these before pooling, for example the ratings. */
      readonly plus?: readonly string[] | undefined;
      /** The categorical feature that the pooling `attention` compares events with; default: the one named `table`. */
      readonly target?: string | undefined;
    }
  | { readonly name: string; readonly type: "numeric" }
  /** `width` numbers a sample, such as an item's text as a vector; one dense projection embeds them. */
  | { readonly name: string; readonly type: "vector"; readonly width: number };

/** A feature of several ids a sample, [batch, maxLength], which are embedded and pooled into one vector. */
export type SequenceFeature = Extract<CrmFeature, { type: "sequence" }>;
type NumberFeature = Extract<CrmFeature, { type: "numeric" | "vector" }>;
type IdFeature = Exclude<CrmFeature, NumberFeature>;

/** The program's input of a feature: ids int32 [batch] or [batch, maxLength], numbers float32 [batch] or [batch, width]. */
export function inputSpec(feature: CrmFeature): InputSpec {
  switch (feature.type) {
    case "categorical":
      return { shape: ["batch"], dtype: "int32" };
    case "sequence":
      return { shape: ["batch", feature.maxLength], dtype: "int32" };
    case "numeric":
      return { shape: ["batch"], dtype: "float32" };
    case "vector":
      return { shape: ["batch", feature.width], dtype: "float32" };
  }
}

/** Whether a feature is numbers, which weights project, and not ids, which a table embeds. */
export function isNumbers(feature: CrmFeature): feature is NumberFeature {
  return feature.type === "numeric" || feature.type === "vector";
}

/** The weights of a feature of numbers, [numbers, dim]; what they make of standardised numbers has the deviation `std` at first. */
export function projectionSpec(feature: NumberFeature, dim: number, std: number): ParamSpec {
  const rows = feature.type === "vector" ? feature.width : 1;
  return { shape: [rows, dim], init: { kind: "normal", std: std / Math.sqrt(rows) } };
}

/** A feature of numbers times its weights: [batch, numbers] by [numbers, dim] -> [batch, dim] */
export function project(scope: Scope, { name, type }: NumberFeature): tf.Tensor {
  const input = scope.input(name);
  const weights = scope.param(name);
  if (type === "vector") return tf.matMul(input as tf.Tensor2D, weights as tf.Tensor2D);
  return tf.mul(tf.reshape(input, [-1, 1]), weights);
}

/** A table of one row for each value of a feature, N(0, 1e-4) at first. */
export function tableSpec(feature: IdFeature, dim: number): TableSpec {
  const init = { kind: "normal", std: 1e-4 } as const;
  return { rows: feature.vocabularySize, dim, init, paddingRow: hasPaddingRow(feature) };
}

function hasPaddingRow(feature: IdFeature): boolean {
  return feature.type === "sequence" || feature.paddingRow !== false;
}

/** Refuses lists of features that no model can take. @throws CorellaError `crm/features` */
export function checkFeatures(features: readonly CrmFeature[]): void {
  if (features.length === 0) throw badFeature("features", "A model needs at least one feature.");
  const names = new Set<string>();
  const owners = new Map<string, IdFeature>();
  for (const feature of features) {
    const place = `features.${feature.name}`;
    if (feature.name === "label") throw badFeature(place, "The name label is taken by the program's target.");
    if (names.has(feature.name)) throw badFeature(place, `Two features are named ${feature.name}.`);
    names.add(feature.name);
    if (isNumbers(feature)) {
      // `lr.bias` is the first order's intercept.
      if (feature.name === "bias")
        throw badFeature(place, "The name bias of a number is taken by the intercept.");
      continue;
    }
    const owner = owners.get(feature.table) ?? feature;
    owners.set(feature.table, owner);
    if (owner.vocabularySize !== feature.vocabularySize) {
      throw badFeature(
        place,
        `It shares the table ${feature.table} with a feature of ${owner.vocabularySize} values but has ${feature.vocabularySize}.`,
      );
    }
    if (hasPaddingRow(owner) !== hasPaddingRow(feature)) {
      throw badFeature(
        place,
        `In the table ${feature.table} that it shares with ${owner.name}, id 0 is padding for one of them only.`,
      );
    }
  }
  for (const feature of features) if (feature.type === "sequence") checkSequence(feature, features);
}

/** What a sequence names exists and fits. */
function checkSequence(sequence: SequenceFeature, features: readonly CrmFeature[]): void {
  const place = `features.${sequence.name}`;
  for (const name of sequence.plus ?? []) {
    const added = features.find((feature) => feature.name === name);
    if (added?.type === "sequence" && added.maxLength === sequence.maxLength && added !== sequence) continue;
    throw badFeature(
      `${place}.plus`,
      `It adds ${name}, which is no other sequence of ${sequence.maxLength} events.`,
    );
  }
  if (sequence.pooling !== "attention") return;
  const target = targetOf(sequence);
  if (features.some(({ name, type }) => name === target && type === "categorical")) return;
  throw badFeature(`${place}.target`, `Its target ${target} is no categorical feature.`);
}

/** The feature that attention compares a sequence's events with. */
export function targetOf({ target, table }: SequenceFeature): string {
  return target ?? table;
}

/**
 * Refuses features that are fewer than a model can compute with.
 * @param model its name, for the message
 * @throws CorellaError `crm/features`
 */
export function needFields(model: string, features: readonly CrmFeature[], least: number): void {
  if (features.length < least) {
    throw badFeature("features", `${model} needs ${least} features at least, these are ${features.length}.`);
  }
}

/**
 * Refuses features without a sequence pooled by attention, for a model that is about nothing else.
 * @param model its name, for the message
 * @throws CorellaError `crm/features`
 */
export function needAttention(model: string, features: readonly CrmFeature[]): void {
  if (features.some((feature) => feature.type === "sequence" && feature.pooling === "attention")) return;
  throw new CorellaError({
    code: "crm/features",
    message: `${model} needs a sequence that is pooled by attention.`,
    place: "features",
    remedy: "Give the history pooling: attention, with the item as its target.",
  });
}

/**
 * Some of the features, by name but in their own order, able to be embedded without the others.
 * @throws CorellaError `crm/features` with the place of the names
 */
export function featuresNamed(
  names: readonly string[],
  features: readonly CrmFeature[],
  place: string,
): CrmFeature[] {
  const unknown = names.find((name) => !features.some((feature) => feature.name === name));
  if (unknown !== undefined) throw badFeature(place, `There is no feature ${unknown}.`);
  const found = features.filter(({ name }) => names.includes(name));
  if (found.length > 0) checkFeatures(found);
  return found;
}

function badFeature(place: string, message: string): CorellaError {
  return new CorellaError({
    code: "crm/features",
    message,
    place,
    remedy: "Take the features of a feature map of @corella/modality, or describe them as CrmFeature says.",
  });
}
