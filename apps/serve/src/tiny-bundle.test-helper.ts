import { crmOf, saveBundle } from "@corella/bundle";
import { initialValues } from "@corella/engine";
import { createGenerator } from "@corella/random";
import { decoder, tinyLlamaConfig, trainTokenizer, yesNoIds, type LoraConfig } from "@corella/llm";
import {
  catalogueFromLog,
  createLog,
  createPrompt,
  fitFeatureMap,
  promptSchema,
  type InteractionLog,
} from "@corella/modality";

/** A log of random ratings; the last user and the last item are known by name only. */
export function randomLog(): InteractionLog {
  const random = createGenerator(1, "log");
  const [users, items, rows] = [12, 20, 300];
  const rating = Float32Array.from({ length: rows }, () => 1 + random.integer(41) / 10);
  return createLog({
    user: Int32Array.from({ length: rows }, () => random.integer(users - 1)),
    item: Int32Array.from({ length: rows }, () => random.integer(items - 1)),
    rating,
    time: Float64Array.from({ length: rows }, (_, row) => 1_000_000_000 + 3600 * row),
    label: Uint8Array.from(rating, (stars) => (stars >= 3.5 ? 1 : 0)),
    users: {
      ids: Array.from({ length: users }, (_, code) => `user-${code}`),
      activeCount: users - 1,
      attributes: Array.from({ length: users }, (_, code) => ({ country: ["NL", "IT"][code % 2]! })),
    },
    items: {
      ids: Array.from({ length: items }, (_, code) => `item-${code}`),
      activeCount: items - 1,
      attributes: Array.from({ length: items }, (_, code) => ({
        title: `The ${["Old", "New", "Lost", "Last"][code % 4]!} ${["Sea", "Hill", "Road"][code % 3]!} ${code}`,
        year: 1980 + code,
        genres: ["Drama", "War"].slice(code % 2),
      })),
    },
    history: { maxLength: 6, ties: "exclude" },
    likedThreshold: 3.5,
  });
}

/** Saves a bundle of two untrained models: small, and with answers all over (0, 1). */
export async function saveTinyBundle(folder: string): Promise<InteractionLog> {
  const log = randomLog();
  const trainRows = Uint32Array.from({ length: 200 }, (_, row) => row);
  const featureMap = fitFeatureMap(
    [
      { name: "user", type: "categorical", field: "user" },
      { name: "country", type: "categorical", field: "user.country" },
      { name: "item", type: "categorical", field: "item" },
      { name: "genre", type: "categorical", field: "item.genres[0]" },
      {
        name: "past",
        type: "sequence",
        field: "history.item",
        maxLength: 6,
        pooling: "mean",
        shareWith: "item",
      },
      { name: "stars", type: "sequence", field: "history.rating", maxLength: 6, pooling: "mean" },
    ],
    log,
    trainRows,
  );
  const catalogue = catalogueFromLog(log);
  // First values are so small that every answer would be near 0.5.
  const crmConfig = { model: "DCNv2", embeddingDim: 8, crossLayers: 2, parallelUnits: [16] };
  const crm = crmOf(crmConfig, featureMap);
  const crmValues = initialValues(crm, 1);
  for (const table of Object.keys(crm.tables)) crmValues[table] = crmValues[table]!.map((x) => 3000 * x);
  const prompt = promptSchema.parse({ historyLength: 6 });
  const rendered = createPrompt(prompt).render({ user: null, item: "item-1", history: [] }, catalogue);
  const tokenizer = await trainTokenizer([`${rendered}Yes`, `${rendered}No`], { vocabularySize: 400 });
  const config = tinyLlamaConfig({
    vocabularySize: tokenizer.vocabularySize,
    hiddenSize: 64,
    layers: 2,
    heads: 4,
    keyValueHeads: 2,
  });
  const answers = await yesNoIds(tokenizer, rendered);
  const lora: LoraConfig = { rank: 2, alpha: 4 };
  // And the adapter's would have no effect at all.
  const noise = createGenerator(3, "noise");
  const llmValues = initialValues(decoder(config, { answers, lora }), 2);
  for (const name of Object.keys(llmValues))
    llmValues[name] = llmValues[name]!.map((x) => x + 0.1 * noise.normal());
  await saveBundle(
    folder,
    {
      name: "tiny",
      featureMap,
      catalogue,
      prompt,
      crm: { config: crmConfig, values: crmValues },
      llm: {
        config,
        lora,
        values: llmValues,
        tokenizer,
        answers,
        maxTokens: 120,
        tokenBudget: 4096,
      },
      router: { policy: { kind: "threshold", entropy: 0.6 }, mix: { kind: "replace" } },
    },
    "crm: { model: DCNv2 }\nllm: { base: { kind: scratch, layers: 2, hiddenSize: 64 } }\n",
    log,
  );
  return log;
}
