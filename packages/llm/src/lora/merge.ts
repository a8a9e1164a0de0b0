import type { ValueReader, Values } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import type { DecoderConfig } from "../config/decoder.ts";
import { decoderParams } from "../config/params.ts";
import { loraModules, loraScale, type LoraConfig } from "./lora.ts";
import {
  mergedConfig,
  vocabularyMatrices,
  vocabularyModules,
  vocabularyNames,
  vocabularySource,
  type VocabularyMatrix,
} from "./vocabulary.ts";

/** Some rows of a matrix, [begin, end). */
type Rows = readonly [begin: number, end: number];

/** One weight of a merged model: where it comes from, and what is added. */
interface MergedWeight {
  readonly source: { readonly kind: "adapter" | "base"; readonly name: string };
  readonly shape: readonly [number, number];
  /** Changes some rows, [end - begin, inputs], in place. */
  change(rows: Float32Array, place: Rows): void;
}

/** A model that needs no adapter any more. */
export interface MergedModel {
  /** As the base's, but for a head that is no longer the embedding matrix. */
  readonly config: DecoderConfig;
  readonly values: Values;
}

/** Weights that are read, with an adapter merged into them as they are read. */
export interface MergedReader {
  /** As the base's, but for a head that is no longer the embedding matrix. */
  readonly config: DecoderConfig;
  readonly weights: ValueReader;
}

/**
 * Adds scale B A of every adapted module to its weight, whatever the adapter is (LoRA, DoRA, changes of embeddings and head): a
 * model that needs no adapter any more. Other arrays are shared, not copied.
 * @param config the base's @param values the base's and the adapter's
 * @throws CorellaError `llm/adapter-shape`, `llm/lora-target`
 */
export function mergeAdapter(config: DecoderConfig, lora: LoraConfig, values: Values): MergedModel {
  const own = mergedConfig(config, lora);
  const changed = mergedWeights(config, lora, values);
  const merged: Values = {};
  for (const name of Object.keys(decoderParams(own))) {
    const weight = changed.get(name);
    if (weight === undefined) {
      if (values[name] !== undefined) merged[name] = values[name];
      continue;
    }
    const [outputs, inputs] = weight.shape;
    const rows = required(values, weight.source.name, outputs * inputs).slice();
    weight.change(rows, [0, outputs]);
    merged[name] = rows;
  }
  return { config: own, values: merged };
}

/**
 * Weights that are read, with an adapter merged into them as they are read: the numbers of `mergeAdapter`, without
 * holding the base.
 * @param config the base's @param adapter the adapter's values @param weights the base's
 * @throws CorellaError `llm/lora-target`, `llm/adapter-shape`
 */
export function mergedReader(
  config: DecoderConfig,
  lora: LoraConfig,
  adapter: Values,
  weights: ValueReader,
): MergedReader {
  const changed = mergedWeights(config, lora, adapter);
  return {
    config: mergedConfig(config, lora),
    weights: {
      async read(name, rows) {
        const weight = changed.get(name);
        if (weight === undefined) return weights.read(name, rows);
        const [outputs, inputs] = weight.shape;
        const [begin, end] = rows ?? [0, outputs];
        const { kind, name: source } = weight.source;
        const read =
          kind === "base"
            ? await weights.read(source, rows)
            : required(adapter, source, outputs * inputs).subarray(begin * inputs, end * inputs);
        const merged = read.slice();
        weight.change(merged, [begin, end]);
        return merged;
      },
      int4: async (name) => (changed.has(name) ? undefined : weights.int4?.(name)),
    },
  };
}

/** What an adapter makes of the weights that it changes, by their names. @param adapter holds its values */
function mergedWeights(config: DecoderConfig, lora: LoraConfig, adapter: Values): Map<string, MergedWeight> {
  const weights = new Map<string, MergedWeight>();
  for (const { module, outputs, inputs, rank, scale } of loraModules(config, lora)) {
    const name = `${module}.weight`;
    const a = required(adapter, `${module}.lora_A.weight`, rank * inputs);
    const b = required(adapter, `${module}.lora_B.weight`, outputs * rank);
    const lengths =
      lora.dora === true ? required(adapter, `${module}.lora_magnitude_vector`, outputs) : undefined;
    weights.set(name, {
      source: { kind: "base", name },
      shape: [outputs, inputs],
      change: (rows, place) => addProduct(rows, { a, b, scale, inputs, rank, lengths }, place),
    });
  }
  const { vocabulary } = lora;
  if (vocabulary === undefined) return weights;
  const { vocabularySize, hiddenSize } = config;
  for (const matrix of vocabularyMatrices) {
    const low = vocabularyProduct(matrix, config, lora, adapter);
    weights.set(`${vocabularyModules[matrix]}.weight`, {
      source: vocabularySource(matrix, vocabulary, config.tieWordEmbeddings),
      shape: [vocabularySize, hiddenSize],
      change: (rows, place) => {
        if (low !== undefined) addProduct(rows, low, place);
      },
    });
  }
  return weights;
}

/** LoRA of embeddings or of the head, as of a matrix with a row for each token. */
function vocabularyProduct(
  matrix: VocabularyMatrix,
  { vocabularySize, hiddenSize }: DecoderConfig,
  lora: LoraConfig,
  adapter: Values,
): LowRank | undefined {
  const own = lora.vocabulary?.[matrix].lora;
  if (own === undefined) return undefined;
  const { rank } = own;
  const names = vocabularyNames(matrix);
  const common = { scale: loraScale(lora, own), inputs: hiddenSize, rank };
  if (matrix === "head") {
    const a = required(adapter, names.a, rank * hiddenSize);
    const b = required(adapter, names.b, vocabularySize * rank);
    const lengths = lora.dora === true ? required(adapter, names.magnitude, vocabularySize) : undefined;
    return { ...common, a, b, lengths };
  }
  // Of embeddings it is A that has a column for each token: the product the other way around.
  const a = required(adapter, names.a, rank * vocabularySize);
  const b = required(adapter, names.b, hiddenSize * rank);
  return {
    ...common,
    a: transposed(b, hiddenSize, rank),
    b: transposed(a, rank, vocabularySize),
    lengths: undefined,
  };
}

interface LowRank {
  /** [rank, inputs] */
  readonly a: Float32Array;
  /** [outputs, rank] */
  readonly b: Float32Array;
  readonly scale: number;
  readonly inputs: number;
  readonly rank: number;
  /** The lengths of the rows of the sum, [outputs]; absent: as they come. */
  readonly lengths: Float32Array | undefined;
}

/** W + scale B A for some rows of W, in place. */
function addProduct(weight: Float32Array, low: LowRank, [begin, end]: Rows): void {
  const { a, b, scale, inputs, rank, lengths } = low;
  const row = new Float64Array(inputs);
  for (let o = 0; o < end - begin; o++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = scale * b[(begin + o) * rank + r]!;
      for (let i = 0; i < inputs; i++) row[i]! += factor * a[r * inputs + i]!;
    }
    if (lengths === undefined) {
      for (let i = 0; i < inputs; i++) weight[o * inputs + i]! += row[i]!;
      continue;
    }
    for (let i = 0; i < inputs; i++) row[i]! += weight[o * inputs + i]!;
    const factor = lengths[begin + o]! / Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
    for (let i = 0; i < inputs; i++) weight[o * inputs + i] = factor * row[i]!;
  }
}

/** x [rows, columns] -> [columns, rows] */
function transposed(x: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from({ length: x.length }, (_, i) => x[(i % rows) * columns + Math.floor(i / rows)]!);
}

function required(values: Values, name: string, size: number): Float32Array {
  const array = values[name];
  if (array !== undefined && array.length === size) return array;
  throw new CorellaError({
    code: "llm/adapter-shape",
    message:
      array === undefined
        ? `The values lack ${name}.`
        : `${name} has ${array.length} elements and ${size} are wanted.`,
    place: name,
    remedy: "Use the adapter with the base model and the LoRA settings it was trained with.",
  });
}
