import { resolve } from "node:path";
import type { Values } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import {
  chatTokenizer,
  isHubReference,
  loadPretrained,
  openPretrained,
  tinyLlamaConfig,
  trainTokenizer,
  type DecoderConfig,
  type HubOptions,
  type TextTokenizer,
} from "@corella/llm";
import type { PretrainedConfig, RunConfig, ScratchConfig } from "../config/config.ts";
import type { LogParts } from "../data.ts";
import type { ResolvedConfig, Run } from "../run.ts";
import { answering } from "./answering.ts";
import { pretraining, pretrainingTexts } from "./pretraining.ts";

/** A decoder before any tuning. */
export interface BaseLlm {
  readonly config: DecoderConfig;
  readonly tokenizer: TextTokenizer;
  readonly values: Values;
}

/** A decoder whose shape and tokenizer are known before the first stage. */
export interface LlmDesign extends Pick<BaseLlm, "config" | "tokenizer"> {
  /** Its values: those that were loaded, or those that stage 0 of the run makes. */
  values(): Promise<Values>;
}

/** Longest context of a decoder from scratch, in tokens. */
const scratchContext = 512;

/**
 * The decoder that `llm.base` of the configuration names, with the run's adapter where it was tuned elsewhere.
 * @throws CorellaError those of `loadPretrained`, `config/no-tokenizer`
 */
export async function designLlm(run: Run): Promise<LlmDesign> {
  const { base } = run.config.llm;
  if (base.kind === "pretrained") {
    const folder = folderOf(base, run.baseFolder);
    const { values, ...design } = await loadBase(folder, base, run.listener.note);
    return { ...design, values: async () => ({ ...values, ...run.adapter }) };
  }
  const texts = pretrainingTexts(run.data, run.config.prompt);
  const design = await designScratch(texts, base, run.config);
  const settings = base.pretraining;
  return {
    ...design,
    values: () =>
      run.config.llm.supervision === "dense"
        ? run.phase("stage-0", "Stage 0: teaching the language model to answer", () =>
            answering(run, design, settings),
          )
        : run.phase("stage-0", "Stage 0: pre-training the language model", () =>
            pretraining(run, design, texts, settings),
          ),
  };
}

/**
 * Shape and tokenizer of the decoder that `llm.base` names, without its values.
 * @throws CorellaError those of `openPretrained`, `config/no-tokenizer`
 */
export async function designOf(
  run: Pick<Run, "baseFolder" | "listener"> & {
    readonly config: RunConfig & Pick<ResolvedConfig, "prompt">;
    readonly data: LogParts;
  },
): Promise<Pick<BaseLlm, "config" | "tokenizer">> {
  const { base } = run.config.llm;
  const { prompt } = run.config;
  if (base.kind === "scratch") return designScratch(pretrainingTexts(run.data, prompt), base, run.config);
  const folder = folderOf(base, run.baseFolder);
  const { config, tokenizer, weights } = await openPretrained(folder, tellFetching(run.listener.note));
  await weights.close();
  return { config, tokenizer: await asked(tokenizer, base, folder) };
}

async function loadBase(
  folder: string,
  base: PretrainedConfig,
  note: ((text: string) => void) | undefined,
): Promise<BaseLlm> {
  const { config, values, tokenizer } = await loadPretrained(folder, tellFetching(note));
  return { config, values, tokenizer: await asked(tokenizer, base, folder) };
}

/** Where a pre-trained base is: a path, or its reference on the hub. */
export function folderOf({ folder }: PretrainedConfig, baseFolder: string): string {
  return isHubReference(folder) ? folder : resolve(baseFolder, folder);
}

function tellFetching(note: ((text: string) => void) | undefined): HubOptions {
  let fetching = "";
  return {
    onProgress({ file, totalBytes }) {
      if (file === fetching) return;
      fetching = file;
      note?.(`Fetching ${file} (${Math.ceil(totalBytes / 1e6)} MB)`);
    },
  };
}

/** The tokenizer as prompts are to be written for it. */
async function asked(
  tokenizer: TextTokenizer | undefined,
  { chat, system }: PretrainedConfig,
  folder: string,
): Promise<TextTokenizer> {
  if (tokenizer !== undefined) return chat ? chatTokenizer(tokenizer, { system }) : tokenizer;
  throw new CorellaError({
    code: "config/no-tokenizer",
    message: "The language model has no tokenizer.json.",
    place: folder,
    remedy: "Add the tokenizer.json that came with the model.",
  });
}

/** Shape and tokenizer of a decoder from scratch, which follow from data and configuration alone. */
async function designScratch(
  texts: readonly string[],
  scratch: ScratchConfig,
  { prompt, llm }: RunConfig,
): Promise<Pick<BaseLlm, "config" | "tokenizer">> {
  // The prompt's own words and both answers belong to the vocabulary too.
  const words = prompt.template.replace(/\{\{.*?\}\}|\{%.*?%\}/g, "");
  const { yes, no } = llm.answers ?? { yes: "Yes", no: "No" };
  const answers = [yes, no].flat().map((answer) => `${words}${answer}`);
  const tokenizer = await trainTokenizer([...texts, ...answers], { vocabularySize: scratch.vocabularySize });
  const config = tinyLlamaConfig({
    vocabularySize: tokenizer.vocabularySize,
    hiddenSize: scratch.hiddenSize,
    layers: scratch.layers,
    heads: scratch.heads,
    keyValueHeads: scratch.keyValueHeads,
    intermediateSize: scratch.feedForwardSize,
    maxPositions: scratchContext,
  });
  return { config, tokenizer };
}
