import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Values } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { writeFolderAtomic } from "@corella/files";
import { float32Tensor, writeSafetensors, type TensorToWrite } from "@corella/safetensors";
import type { DecoderConfig } from "../config/decoder.ts";
import { parseDecoderConfig, toHuggingFace } from "../config/hugging-face.ts";
import { fetchModel, type HubOptions } from "./hub/fetch-model.ts";
import { isHubReference } from "./hub/reference.ts";
import { storedName } from "../config/stored-names.ts";
import { openGguf } from "./gguf/load.ts";
import { readJson } from "../files/json-file.ts";
import { hasOwnHead } from "./own-head.ts";
import { decoderParams } from "../config/params.ts";
import { openParams, readEach, type NameInFile, type OpenWeights } from "../files/tensor-folder.ts";
import { loadTokenizer, type TextTokenizer } from "../tokenizer/tokenizer.ts";

/** A decoder with all its weights, and its tokenizer. */
export interface PretrainedModel {
  readonly config: DecoderConfig;
  /** Weights by Hugging Face's names, float32. */
  readonly values: Values;
  /** Absent when the folder has no tokenizer.json. */
  readonly tokenizer: TextTokenizer | undefined;
}

/** A decoder whose weights stay in their files until they are read. Close them after use. */
export interface OpenModel extends Omit<PretrainedModel, "values"> {
  readonly weights: OpenWeights;
}

/**
 * Opens a model folder in Hugging Face's layout: config.json, safetensors (one file or shards with an index; F32, F16,
 * BF16), tokenizer.json; or a .gguf file; `hf:owner/name` is fetched by `fetchModel` first. `createScorer` takes the
 * weights as they are: no float32 copy of all is held.
 * @param hub of models of the hub: cache, progress
 * @throws CorellaError `llm/config`, `llm/no-weights`, `llm/missing-shard`, `llm/missing-tensor`, `llm/tensor-shape`,
 * `llm/tokenizer`, `llm/tokenizer-mismatch`
 */
export async function openPretrained(source: string, hub: HubOptions = {}): Promise<OpenModel> {
  const folder = isHubReference(source) ? await fetchModel(source, hub) : source;
  if (folder.endsWith(".gguf")) return openGguf(folder);
  const configPath = join(folder, "config.json");
  const parsed = parseDecoderConfig(await readJson(configPath), configPath);
  const config = {
    ...parsed,
    tieWordEmbeddings: parsed.tieWordEmbeddings && !(await hasHead(folder, parsed)),
  };
  const tokenizer = existsSync(join(folder, "tokenizer.json")) ? await loadTokenizer(folder) : undefined;
  if (tokenizer !== undefined) await requireEmbedded(tokenizer, config.vocabularySize, folder);
  return { config, tokenizer, weights: await openParams(folder, decoderParams(config), nameInFiles(config)) };
}

/**
 * Tokens beyond the embedding matrix must be some that no prompt has, such as a padding token that was added later.
 * @throws CorellaError `llm/tokenizer-mismatch`
 */
async function requireEmbedded(tokenizer: TextTokenizer, rows: number, folder: string): Promise<void> {
  const { vocabularySize, chatTemplate } = tokenizer;
  const around = await tokenizer.encode("");
  const isHarmless = (id: number): boolean => {
    const token = tokenizer.tokenOf(id);
    if (token === undefined) return true;
    const inChat = chatTemplate?.source.includes(token) || chatTemplate?.beginToken === token;
    return tokenizer.isSpecial(id) && !around.includes(id) && !inChat;
  };
  for (let id = rows; id < vocabularySize; id++) {
    if (isHarmless(id)) continue;
    throw new CorellaError({
      code: "llm/tokenizer-mismatch",
      message: `The tokenizer has ${vocabularySize} tokens, the model embeds ${rows}: not ${JSON.stringify(tokenizer.tokenOf(id))}.`,
      place: folder,
      remedy: "Use the tokenizer that came with the model.",
    });
  }
}

function nameInFiles(config: DecoderConfig): NameInFile {
  const published = storedName(config);
  const head = "lm_head.weight";
  // A matrix that is both may be stored as either.
  return (name, has) => {
    const stored = published(name, has);
    const isHead = config.tieWordEmbeddings && name === "model.embed_tokens.weight" && !has(stored);
    return isHead && has(published(head, has)) ? published(head, has) : stored;
  };
}

function hasHead(folder: string, config: DecoderConfig): Promise<boolean> {
  const names = { embedding: "model.embed_tokens.weight", head: "lm_head.weight" };
  const untied = { ...config, tieWordEmbeddings: false };
  return hasOwnHead(folder, [config.vocabularySize, config.hiddenSize], names, nameInFiles(untied));
}

/**
 * Loads a model with all its weights in float32, from whatever `openPretrained` takes.
 * @throws CorellaError with the codes of `openPretrained`
 */
export async function loadPretrained(source: string, hub: HubOptions = {}): Promise<PretrainedModel> {
  const { weights, ...model } = await openPretrained(source, hub);
  try {
    return { ...model, values: await readEach(decoderParams(model.config), weights) };
  } finally {
    await weights.close();
  }
}

/** Writes a model folder that transformers, and `loadPretrained`, can load. Adapter arrays in `values` are left out. */
export async function savePretrained(
  folder: string,
  config: DecoderConfig,
  values: Values,
  tokenizer?: TextTokenizer,
): Promise<void> {
  const tensors: Record<string, TensorToWrite> = {};
  for (const [name, spec] of Object.entries(decoderParams(config))) {
    const array = values[name];
    if (array === undefined) {
      throw new CorellaError({
        code: "llm/missing-tensor",
        message: `The values lack ${name}.`,
        place: name,
        remedy: "Save the values of a decoder with this configuration.",
      });
    }
    tensors[name] = float32Tensor(spec.shape, array);
  }
  await mkdir(join(folder, ".."), { recursive: true });
  await writeFolderAtomic(folder, async (temporary) => {
    await writeFile(join(temporary, "config.json"), `${JSON.stringify(toHuggingFace(config), null, 2)}\n`);
    await writeSafetensors(join(temporary, "model.safetensors"), tensors, { format: "pt" });
    if (tokenizer !== undefined) {
      await writeFile(join(temporary, "tokenizer.json"), tokenizer.json);
      const special = (id: number | undefined): string | undefined =>
        id === undefined ? undefined : tokenizer.tokenOf(id);
      const { chatTemplate } = tokenizer;
      // What a chat template does not know as one of its tokens it must not know when it is read again.
      const tokens =
        chatTemplate === undefined
          ? {
              bos_token: special(config.bosTokenId),
              eos_token: special(config.eosTokenId),
              pad_token: special(config.padTokenId),
            }
          : {
              ...chatTemplate.otherTokens,
              bos_token: chatTemplate.beginToken,
              eos_token: chatTemplate.endToken,
            };
      const described = {
        tokenizer_class: "PreTrainedTokenizerFast",
        ...tokens,
        model_max_length: config.maxPositions,
        chat_template: chatTemplate?.source,
      };
      await writeFile(join(temporary, "tokenizer_config.json"), `${JSON.stringify(described, null, 2)}\n`);
    }
  });
}
