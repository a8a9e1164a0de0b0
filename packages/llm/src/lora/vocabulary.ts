import type { ParamSpec } from "@corella/engine";
import type { DecoderConfig } from "../config/decoder.ts";
import type { LoraConfig, MatrixAdapter, VocabularyAdapter } from "./lora.ts";

/** The matrices with a row for each token, by their modules' names. */
export const vocabularyModules = { embedding: "model.embed_tokens", head: "lm_head" } as const;

/** One of them. */
export type VocabularyMatrix = keyof typeof vocabularyModules;

/** Both of them. */
export const vocabularyMatrices: readonly VocabularyMatrix[] = ["embedding", "head"];

/** What an adapter's arrays for one of them are called: PEFT's names inside of a model. */
export function vocabularyNames(
  matrix: VocabularyMatrix,
): Record<"base" | "saved" | "a" | "b" | "magnitude", string> {
  const module = vocabularyModules[matrix];
  const [a, b] =
    matrix === "head" ? ["lora_A.weight", "lora_B.weight"] : ["lora_embedding_A", "lora_embedding_B"];
  return {
    base: `${module}.base_layer.weight`,
    saved: `${module}.modules_to_save.weight`,
    a: `${module}.${a}`,
    b: `${module}.${b}`,
    magnitude: `${module}.lora_magnitude_vector`,
  };
}

/**
 * An adapter's arrays for embeddings and head. Of the head A [rank, hidden], B [vocabulary, rank]; of embeddings A [rank,
 * vocabulary], B [hidden, rank].
 */
export function vocabularyParams(
  { vocabularySize, hiddenSize }: DecoderConfig,
  { vocabulary, dora }: LoraConfig,
): Record<string, ParamSpec> {
  const params: Record<string, ParamSpec> = {};
  if (vocabulary === undefined) return params;
  const init = { kind: "zeros" } as const;
  for (const matrix of vocabularyMatrices) {
    const names = vocabularyNames(matrix);
    const { base, saved, lora } = vocabulary[matrix];
    const whole = { shape: [vocabularySize, hiddenSize], init };
    if (base) params[names.base] = whole;
    if (saved) params[names.saved] = whole;
    if (lora === undefined) continue;
    const [inputs, outputs] = matrix === "head" ? [hiddenSize, vocabularySize] : [vocabularySize, hiddenSize];
    params[names.a] = { shape: [lora.rank, inputs], init };
    params[names.b] = { shape: [outputs, lora.rank], init };
    if (dora === true) params[names.magnitude] = { shape: [outputs], init };
  }
  return params;
}

/** The decoder's configuration once an adapter is merged: its head is no longer the embedding matrix where only one changed. */
export function mergedConfig(config: DecoderConfig, { vocabulary }: LoraConfig): DecoderConfig {
  if (vocabulary === undefined || vocabulary.keepsTied) return config;
  const isOwn = ({ saved, lora }: MatrixAdapter): boolean => saved || lora !== undefined;
  const separate = isOwn(vocabulary.embedding) || isOwn(vocabulary.head);
  return { ...config, tieWordEmbeddings: config.tieWordEmbeddings && !separate };
}

/** Where the rows of a matrix begin, before LoRA: an array of the adapter's, or of the base's. */
export function vocabularySource(
  matrix: VocabularyMatrix,
  { embedding, head, keepsTied }: VocabularyAdapter,
  isTied: boolean,
): { readonly kind: "adapter" | "base"; readonly name: string } {
  const own = { embedding, head }[matrix];
  const adapter = (name: string): { kind: "adapter"; name: string } => ({ kind: "adapter", name });
  if (own.saved) return adapter(vocabularyNames(matrix).saved);
  if (isTied && keepsTied && embedding.saved) return adapter(vocabularyNames("embedding").saved);
  if (own.base) return adapter(vocabularyNames(matrix).base);
  // Of tied ones there is one array, whichever name it has.
  const other = matrix === "head" ? "embedding" : "head";
  if (isTied && { embedding, head }[other].base) return adapter(vocabularyNames(other).base);
  return { kind: "base", name: `${vocabularyModules[isTied ? "embedding" : matrix]}.weight` };
}
