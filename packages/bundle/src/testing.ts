// Bundles for tests: models that are untrained and small, saved in a moment.
import { initialValues } from "@corella/engine";
import { decoder, tinyLlamaConfig, trainTokenizer, yesNoIds, type LoraConfig } from "@corella/llm";
import { t5AnswerIds, t5Params, type T5Config } from "@corella/llm/encoders";
import {
  catalogueFromLog,
  createLog,
  createPrompt,
  fitFeatureMap,
  promptSchema,
  type InteractionLog,
} from "@corella/modality";
import { saveBundle } from "./bundle.ts";
import { crmOf, type TrainedCrm } from "./crm-files.ts";
import type { TrainedT5, TunedLlm } from "./llm-files.ts";
import type { ModelName } from "./models.ts";

/** A log of 300 ratings by 12 users of 20 items, without pattern; the last user and the last item are known by name only. */
export function tinyLog(): InteractionLog {
  const [users, items, rows] = [12, 20, 300];
  const rating = Float32Array.from({ length: rows }, (_, row) => 1 + Math.floor(41 * scatter(row)) / 10);
  return createLog({
    user: Int32Array.from({ length: rows }, (_, row) => Math.floor((users - 1) * scatter(row + 1000))),
    item: Int32Array.from({ length: rows }, (_, row) => Math.floor((items - 1) * scatter(row + 2000))),
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

/** An untrained CRM of a log whose answers are all over (0, 1). */
export function tinyCrm(log: InteractionLog): TrainedCrm {
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
    Uint32Array.from({ length: Math.floor((2 * log.size) / 3) }, (_, row) => row),
  );
  const config = { model: "DCNv2", embeddingDim: 8, crossLayers: 2, parallelUnits: [16] };
  const crm = crmOf(config, featureMap);
  const values = initialValues(crm, 1);
  // First values are so small that every answer would be near 0.5.
  for (const table of Object.keys(crm.tables)) values[table] = values[table]!.map((x) => 3000 * x);
  return { config, values, featureMap };
}

/** An untrained decoder with an adapter that is asked about items of a log; its answers are all over (0, 1). */
export async function tinyLlm(log: InteractionLog): Promise<TunedLlm> {
  const prompt = promptSchema.parse({ historyLength: 6 });
  const record = { user: null, item: log.items.ids[1]!, history: [] };
  const rendered = createPrompt(prompt).render(record, catalogueFromLog(log));
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
  const values = initialValues(decoder(config, { answers, lora }), 2);
  // The answers would be near 0.5, and the adapter would have no effect at all.
  for (const [name, value] of Object.entries(values))
    values[name] = value.map((x, i) => x + 0.35 * (scatter(i + name.length) - 0.5));
  return { config, lora, values, tokenizer, answers, maxTokens: 120, tokenBudget: 4096, prompt };
}

/** An untrained T5 with whole-word embeddings that is asked about items of a log. */
export async function tinyT5(log: InteractionLog): Promise<TrainedT5> {
  const prompt = promptSchema.parse({ historyLength: 6, template: "{{user_history}} ; {{target_item}} ?" });
  const record = { user: null, item: log.items.ids[1]!, history: [] };
  const rendered = createPrompt(prompt).render(record, catalogueFromLog(log));
  const tokenizer = await trainTokenizer([rendered, "like", "dislike"], { vocabularySize: 300 });
  const t5: T5Config = {
    vocabularySize: tokenizer.vocabularySize,
    hiddenSize: 16,
    headDim: 8,
    heads: 2,
    intermediateSize: 24,
    encoderLayers: 1,
    decoderLayers: 1,
    relativeBuckets: 32,
    relativeMaxDistance: 128,
    feedForward: { activation: "relu", gated: false },
    layerNormEpsilon: 1e-6,
    tieWordEmbeddings: true,
    scaleDecoderOutputs: true,
    startTokenId: 0,
    padTokenId: 0,
    endTokenId: 2,
    wholeWords: 32,
  };
  const values = initialValues({ params: t5Params(t5), tables: {} }, 4);
  const answers = await t5AnswerIds(tokenizer, { yes: "like", no: "dislike" });
  const ends = { dangling: "", appended: "" };
  return {
    t5,
    values,
    tokenizer,
    answers: { ...answers, ...ends },
    maxTokens: 120,
    tokenBudget: 4096,
    prompt,
  };
}

/** Saves a bundle of untrained models, by default of both with a router; the log that it was made of. */
export async function saveTinyBundle(
  folder: string,
  models: readonly ModelName[] = ["crm", "llm"],
): Promise<InteractionLog> {
  const log = tinyLog();
  await saveBundle(folder, {
    name: "tiny",
    runConfig: "crm: { model: DCNv2 }\nllm: { base: { kind: scratch, layers: 2, hiddenSize: 64 } }\n",
    catalogue: catalogueFromLog(log),
    log,
    crm: models.includes("crm") ? tinyCrm(log) : undefined,
    llm: models.includes("llm") ? await tinyLlm(log) : undefined,
    router:
      models.length === 2
        ? { policy: { kind: "threshold", entropy: 0.6 }, mix: { kind: "replace" } }
        : undefined,
  });
  return log;
}

/** A number in [0, 1) for each whole number, like chance but always the same. */
function scatter(position: number): number {
  const x = 43_758.5453 * Math.sin(12.9898 * (position + 1));
  return x - Math.floor(x);
}
