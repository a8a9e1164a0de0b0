import { join } from "node:path";
import type { Values } from "@corella/engine";
import {
  chatTokenizer,
  loadAdapter,
  loadTokenizer,
  mergedReader,
  openPretrained,
  saveAdapter,
  savePretrained,
  type AnswerScoring,
  type DecoderConfig,
  type LoraConfig,
  type OpenWeights,
  type TextTokenizer,
  type YesNoIds,
} from "@corella/llm";
import { openT5, saveT5, type T5Config } from "@corella/llm/encoders";
import {
  promptSchema,
  type Catalogue,
  type ItemVectors,
  type PromptConfig,
  type RunningStatistics,
} from "@corella/modality";
import { damaged, readJson, writeJson } from "./folder-files.ts";
import { readItemVectors, writeItemVectors } from "./item-vectors.ts";

/** How a language model is asked, whichever its architecture. */
interface AskedLlm {
  readonly tokenizer: TextTokenizer;
  readonly answers: YesNoIds;
  /** How the two answers become P(label = 1); default `twoWay`. */
  readonly scoring?: AnswerScoring | undefined;
  /** Longer prompts lose history, oldest first. */
  readonly maxTokens: number;
  /** Tokens that are scored at once. */
  readonly tokenBudget: number;
  /** How records become text. */
  readonly prompt: PromptConfig;
  /** Vectors by which the prompt chooses history, where it retrieves. */
  readonly itemVectors?: ItemVectors | undefined;
  /**
   * What was counted for statistics that the prompt says, for records that bring none of their own. Of a bundle: up to the
   * end of the log that it was saved with.
   */
  readonly statistics?: RunningStatistics | undefined;
}

/** A decoder with its adapter, unmerged, and how it is asked. */
export interface TunedLlm extends AskedLlm {
  readonly config: DecoderConfig;
  readonly lora: LoraConfig;
  /** Base and adapter. */
  readonly values: Values;
}

/** A T5 that was trained as a whole, and how it is asked: its answers are the first tokens of the decoder. */
export interface TrainedT5 extends AskedLlm {
  readonly t5: T5Config;
  readonly values: Values;
}

/** A T5 whose weights stay in the bundle until they are read. Close them after use. */
export interface OpenT5 extends Omit<TrainedT5, "values"> {
  readonly weights: OpenWeights;
}

/** A decoder with its adapter merged, whose weights stay in the bundle until they are read. Close them after use. */
export interface OpenLlm extends Omit<TunedLlm, "lora" | "values"> {
  readonly weights: OpenWeights;
}

/** What a bundle knows of its LLM besides the weights. */
export type LlmAsking = Pick<
  TunedLlm,
  "tokenizer" | "answers" | "scoring" | "maxTokens" | "prompt" | "itemVectors" | "statistics"
>;

const files = {
  prompt: "prompt.json",
  itemVectors: "item-vectors.safetensors",
  llm: "llm",
  adapter: "adapter",
  t5: "t5",
} as const;

/** What the folder of a bundle with an LLM holds for it at least; the first file tells that there is one. */
export const llmFiles: readonly [string, ...string[]] = [
  files.prompt,
  `${files.llm}/config.json`,
  `${files.adapter}/adapter_config.json`,
];

/** What a folder holds in place of decoder and adapter where its LLM is a T5; the second file tells that it is one. */
export const t5Files: readonly [prompt: string, config: string] = [files.prompt, `${files.t5}/config.json`];

/** What bundle.json says of the LLM. */
export interface LlmFacts extends Pick<TunedLlm, "answers" | "scoring" | "maxTokens" | "tokenBudget"> {
  /** Prompts are a user's turn in the model's own chat format. */
  readonly chat: boolean;
  /** What the system says before it. */
  readonly system?: string | undefined;
}

/** The part of bundle.json that tells of an LLM. */
export function llmFactsOf({ answers, scoring, maxTokens, tokenBudget, tokenizer }: AskedLlm): LlmFacts {
  const { chat } = tokenizer;
  return { answers, scoring, maxTokens, tokenBudget, chat: chat !== undefined, system: chat?.system };
}

/** Writes base model and adapter, or a T5, tokenizer, prompt and item vectors into a bundle's folder. */
export async function writeLlm(folder: string, llm: TunedLlm | TrainedT5): Promise<void> {
  await writeJson(folder, files.prompt, llm.prompt);
  if (llm.itemVectors !== undefined) await writeItemVectors(join(folder, files.itemVectors), llm.itemVectors);
  if ("t5" in llm) {
    await saveT5(join(folder, files.t5), { ...llm, config: llm.t5 });
    return;
  }
  await savePretrained(join(folder, files.llm), llm.config, llm.values, llm.tokenizer);
  const { lora, values } = llm;
  // Its base lies beside it: the text model alone, also of a checkpoint that sees pictures.
  const config = { ...llm.config, multimodal: undefined };
  await saveAdapter(join(folder, files.adapter), { config, lora, values, baseModel: `../${files.llm}` });
}

/** Reads how a bundle's prompts are made. */
export function readPrompt(folder: string): Promise<PromptConfig> {
  return readJson(folder, files.prompt, promptSchema);
}

/** The architecture of a bundle's LLM. */
export type LlmKind = "decoder" | "t5";

/** What is known before an LLM is read from a bundle's folder. */
export interface LlmToRead {
  readonly kind: LlmKind;
  readonly facts: LlmFacts;
  readonly prompt: PromptConfig;
  readonly catalogue: Catalogue;
  readonly statistics: RunningStatistics | undefined;
}

/**
 * Opens the LLM of a bundle's folder.
 * @throws CorellaError `bundle/damaged` without a tokenizer, and those of `openPretrained`, `loadAdapter` and `openT5`
 */
export async function openLlm(folder: string, known: LlmToRead): Promise<OpenLlm | OpenT5> {
  if (known.kind === "t5") {
    const { config: t5, weights, tokenizer } = await openT5(join(folder, files.t5));
    try {
      const asking = await asked(folder, known, tokenizer);
      return { ...asking, tokenBudget: known.facts.tokenBudget, t5, weights };
    } catch (error) {
      await weights.close();
      throw error;
    }
  }
  const { config, weights, tokenizer } = await openPretrained(join(folder, files.llm));
  try {
    const { lora, values } = await loadAdapter(join(folder, files.adapter), config);
    if (tokenizer === undefined) throw damaged(join(folder, files.llm), "The bundle has no tokenizer.");
    const merged = mergedReader(config, lora, values, weights);
    return {
      ...(await asked(folder, known, tokenizer)),
      tokenBudget: known.facts.tokenBudget,
      config: merged.config,
      weights: { ...merged.weights, close: () => weights.close() },
    };
  } catch (error) {
    await weights.close();
    throw error;
  }
}

/** Reads how the LLM of a bundle's folder is asked, without its weights. */
export async function readLlmAsking(folder: string, known: LlmToRead): Promise<LlmAsking> {
  const own = known.kind === "t5" ? files.t5 : files.llm;
  return asked(folder, known, await loadTokenizer(join(folder, own)));
}

async function asked(
  folder: string,
  { facts, prompt, catalogue, statistics }: LlmToRead,
  tokenizer: TextTokenizer,
): Promise<LlmAsking> {
  const { answers, scoring, maxTokens, chat, system } = facts;
  const itemVectors =
    prompt.retrieval === "none"
      ? undefined
      : await readItemVectors(join(folder, files.itemVectors), catalogue);
  return {
    tokenizer: chat ? await chatTokenizer(tokenizer, { system }) : tokenizer,
    answers,
    scoring,
    maxTokens,
    prompt,
    itemVectors,
    statistics,
  };
}
