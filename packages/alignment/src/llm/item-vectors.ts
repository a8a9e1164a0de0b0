import { tf, type Program, type Values } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { decoder, prepareTokens } from "@corella/llm";
import { createPrompt, type FeatureMap, type FittedField, type ItemVectors } from "@corella/modality";
import type { PreparedData } from "../data.ts";
import type { StageInputs } from "../run.ts";
import type { BaseLlm } from "./base-llm.ts";

/**
 * A vector for each item of the catalogue, by which prompts choose the history that is most similar to the target;
 * undefined where `prompt.retrieval` is `none`.
 * @param crm the CRM's values by its own names, read where `prompt.retrieval` is `crm`
 * @throws CorellaError `config/retrieval`
 */
export async function itemVectorsFor(
  inputs: StageInputs,
  crm: Values,
  base: BaseLlm,
): Promise<ItemVectors | undefined> {
  const { retrieval } = inputs.config.prompt;
  if (retrieval === "none") return undefined;
  const values = retrieval === "crm" ? crmVectors(inputs.data, crm) : await llmVectors(inputs, base);
  return { items: inputs.data.catalogue.ids, values };
}

/**
 * The feature whose table embeds items by their ids.
 * @throws CorellaError `config/retrieval` when there is none
 */
export function requireItemEmbedding({ fitted }: FeatureMap): FittedField {
  const feature = fitted
    .filter((one) => "field" in one)
    .find(
      ({ config, field }) =>
        config.type === "categorical" && field.source === "item" && field.attribute === undefined,
    );
  if (feature !== undefined) return feature;
  throw new CorellaError({
    code: "config/retrieval",
    message: "The CRM has no embedding of the item's id.",
    place: "prompt.retrieval",
    remedy: "Add a categorical feature of the field item, or set retrieval to llm.",
  });
}

/** The CRM's item embeddings, [items, dim]; zeros for items that training did not show. */
function crmVectors({ catalogue, featureMap }: PreparedData, crm: Values): Float32Array {
  const feature = requireItemEmbedding(featureMap);
  const vocabulary = feature.vocabulary!;
  const { name, ...config } = feature.config;
  const table = crm[`embedding.${"shareWith" in config ? (config.shareWith ?? name) : name}`]!;
  const dim = table.length / vocabulary.size;
  const known = new Set(vocabulary.values);
  const vectors = new Float32Array(catalogue.ids.length * dim);
  for (const [position, item] of catalogue.ids.entries()) {
    if (!known.has(item)) continue;
    const row = vocabulary.idOf(item) * dim;
    vectors.set(table.subarray(row, row + dim), position * dim);
  }
  return vectors;
}

/** The mean over an item's text of the LLM's last hidden states, [items, hidden], as in ReLLa (Lin et al. 2024). */
async function llmVectors(
  { config: { prompt }, data: { catalogue }, runtime }: StageInputs,
  { config, values, tokenizer }: BaseLlm,
): Promise<Float32Array> {
  const itemText = createPrompt({ ...prompt, retrieval: "none", template: "{{target_item}}" });
  const texts = catalogue.ids.map((item) =>
    itemText.render({ user: null, item, history: [], statistics: {} }, catalogue),
  );
  const { batches } = await prepareTokens(texts, tokenizer, {
    maxTokens: config.maxPositions,
    overlong: "cut",
  });
  const part = decoder(config, { answers: { yes: 0, no: 0 }, allPositions: true });
  const program: Program = {
    ...part,
    forward(scope) {
      const states = part.forward(scope).sequenceStates!.at(-1)!;
      const visible = tf.expandDims(tf.cast(scope.input("visible"), "float32"), 2);
      return { outputs: { mean: tf.div(tf.sum(tf.mul(states, visible), 1), tf.sum(visible, 1)) } };
    },
  };
  const inference = await runtime.infer(program, values);
  const vectors = new Float32Array(texts.length * config.hiddenSize);
  try {
    for (const { feeds, rows } of batches) {
      const means = (await inference.run(feeds))["mean"]!.data as Float32Array;
      for (const [i, row] of rows.entries()) {
        const mean = means.subarray(i * config.hiddenSize, (i + 1) * config.hiddenSize);
        vectors.set(mean, row * config.hiddenSize);
      }
    }
  } finally {
    await inference.dispose();
  }
  return vectors;
}
