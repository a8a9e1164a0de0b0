import { type Dtype, parseSafetensors, serializeSafetensors, toTypedArray } from "@corella/safetensors";
import type { Feature, IdBatch } from "../features/feature-map.ts";

/** What a shard holds of each feature: safetensors of shape [samples, width]. */
export interface ColumnLayout {
  readonly name: string;
  readonly width: number;
  /** The narrowest that holds the feature's ids; half of a shard's bytes, or a quarter. */
  readonly dtype: "U8" | "I16" | "I32" | "F32";
  /** Of several features of one number each, which lie side by side by sample: their names, [width]. */
  readonly features?: readonly string[] | undefined;
}

/** A shard in memory, as it lies on disk: views of the bytes that were read. */
export interface Shard {
  readonly size: number;
  /**
   * One column a feature, [size * width], in the order of the layout. Numbers are given as their 32 bits, for they are
   * only copied.
   */
  readonly columns: readonly (Uint8Array | Int16Array | Int32Array)[];
  readonly labels: Uint8Array;
}

/** Feature names are the user's: the prefix keeps them apart from `label`. */
const prefix = "feature ";
const labelName = "label";

/**
 * What a shard holds of these features. Numbers of all numeric ones lie together: of a sample at random they are then one
 * place in memory and not as many as there are running statistics.
 */
export function layoutOf(features: readonly Feature[]): ColumnLayout[] {
  const numbers = features.filter(({ type }) => type === "numeric").map(({ name }) => name);
  if (numbers.length < 2) return columnsOf(features);
  const together = { name: numbers[0]!, width: numbers.length, dtype: "F32", features: numbers } as const;
  return [...columnsOf(features.filter(({ type }) => type !== "numeric")), together];
}

function columnsOf(features: readonly Feature[]): ColumnLayout[] {
  return features.map(({ name, type, vocabularySize, ...more }) => ({
    name,
    width: "maxLength" in more ? more.maxLength : "width" in more ? more.width : 1,
    dtype: type === "numeric" || type === "vector" ? "F32" : narrowest(vocabularySize),
  }));
}

function narrowest(vocabularySize: number): "U8" | "I16" | "I32" {
  return vocabularySize <= 2 ** 8 ? "U8" : vocabularySize <= 2 ** 15 ? "I16" : "I32";
}

/** The bytes of a shard's file, of a batch with labels. */
export function shardBytes(layout: readonly ColumnLayout[], batch: IdBatch): Uint8Array {
  const column = ({ name, dtype, width, features }: ColumnLayout): ShardTensor => {
    const values = features === undefined ? batch.features[name]! : sideBySide(batch, features);
    return [prefix + name, { dtype, shape: [batch.size, width], data: narrow(dtype, values) }];
  };
  return serializeSafetensors(
    Object.fromEntries([
      ...layout.map(column),
      [labelName, { dtype: "U8", shape: [batch.size], data: new Uint8Array(batch.labels!) }] as const,
    ]),
  );
}

function sideBySide({ size, features }: IdBatch, names: readonly string[]): Float32Array {
  const values = new Float32Array(size * names.length);
  for (const [at, name] of names.entries()) {
    const column = features[name]!;
    for (let i = 0; i < size; i++) values[i * names.length + at] = column[i]!;
  }
  return values;
}

type ShardTensor = readonly [string, { dtype: Dtype; shape: number[]; data: ShardArray }];
type ShardArray = Uint8Array | Int16Array | Int32Array | Float32Array;

function narrow(dtype: ColumnLayout["dtype"], values: Int32Array | Float32Array): ShardArray {
  if (dtype === "U8") return new Uint8Array(values);
  if (dtype === "I16") return new Int16Array(values);
  return values;
}

/**
 * Reads the bytes of a shard's file; the columns are views of them where they are aligned.
 * @param place names the shard in errors
 * @throws CorellaError those of `parseSafetensors`
 */
export function parseShard(layout: readonly ColumnLayout[], bytes: Uint8Array, place: string): Shard {
  const { tensors } = parseSafetensors(bytes, place);
  const labels = tensors.get(labelName)!.data;
  return {
    size: labels.length,
    columns: layout.map(({ name }) => {
      const column = toTypedArray(tensors.get(prefix + name)!);
      return column instanceof Float32Array
        ? new Int32Array(column.buffer, column.byteOffset, column.length)
        : (column as Uint8Array | Int16Array | Int32Array);
    }),
    labels,
  };
}
