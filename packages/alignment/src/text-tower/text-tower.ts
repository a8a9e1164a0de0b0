import { resolve } from "node:path";
import type { Batch, Part, Tensor, Values } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { paddedFeeds, trainTokenizer, type TextTokenizer } from "@corella/llm";
import { bertEncoder, loadBert, type BertConfig } from "@corella/llm/encoders";
import { createPrompt } from "@corella/modality";
import type { TextTowerConfig } from "../config/text-tower-config.ts";
import { randomSubset } from "../data.ts";
import { renderPrompts, unsure } from "../llm/asking.ts";
import { pretrainingTexts } from "../llm/pretraining.ts";
import type { Run } from "../run.ts";

/** An encoder that reads a sample's text, with the values that it begins with; those that are absent are drawn. */
export interface TextTower {
  /** One row a text, [batch, width]. */
  readonly part: Part<Tensor>;
  readonly width: number;
  readonly values: Values;
  readonly tokenizer: TextTokenizer;
}

/**
 * The encoder that `textTower` of the configuration names.
 * @throws CorellaError those of `loadBert`; `config/text-tower` for more tokens than it can read
 */
export async function openTextTower(run: Run): Promise<TextTower> {
  const settings = run.config.textTower;
  const { config, tokenizer, values } =
    settings.kind === "pretrained"
      ? await loadBert(resolve(run.baseFolder, settings.folder))
      : await scratchTower(run, settings);
  if (settings.maxTokens > config.maxPositions) throw tooManyTokens(settings.maxTokens, config.maxPositions);
  // A pooler would be trained by nothing.
  const encoder = bertEncoder({ ...config, pooler: false });
  const names = new Set(Object.keys(encoder.params));
  return {
    part: {
      ...encoder,
      forward(scope) {
        const { meanPooled, first } = encoder.forward(scope);
        return settings.pooling === "mean" ? meanPooled : first();
      },
    },
    width: config.hiddenSize,
    values: Object.fromEntries(Object.entries(values).filter(([name]) => names.has(name))),
    tokenizer,
  };
}

async function scratchTower(
  { config, data }: Run,
  tower: Extract<TextTowerConfig, { kind: "scratch" }>,
): Promise<{ config: BertConfig; tokenizer: TextTokenizer; values: Values }> {
  const words = config.prompt.template.replace(/\{\{.*?\}\}|\{%.*?%\}/g, "");
  const texts = [...pretrainingTexts(data, config.prompt), words];
  const tokenizer = await trainTokenizer(texts, { vocabularySize: tower.vocabularySize });
  return {
    tokenizer,
    values: {},
    config: {
      vocabularySize: tokenizer.vocabularySize,
      hiddenSize: tower.hiddenSize,
      intermediateSize: tower.feedForwardSize,
      layers: tower.layers,
      heads: tower.heads,
      maxPositions: tower.maxTokens,
      tokenTypes: 1,
      activation: "gelu",
      pooler: false,
      layerNormEpsilon: 1e-12,
      initializerRange: 0.02,
      padTokenId: 0,
    },
  };
}

/** The texts of rows as inputs of the tower, their names prefixed. */
export async function textFeeds(
  { config, data }: Run,
  { tokenizer }: TextTower,
  rows: Uint32Array,
  prefix: string,
): Promise<Batch> {
  const prompt = createPrompt(config.prompt);
  const encoded = await tokenizer.encodeBatch(renderPrompts(data, prompt, rows, unsure));
  const { maxTokens } = config.textTower;
  const cut = encoded.map((ids) =>
    ids.length <= maxTokens ? ids : [ids[0]!, ...ids.slice(ids.length - maxTokens + 1)],
  );
  return Object.fromEntries(
    Object.entries(paddedFeeds(cut)).map(([name, feed]) => [`${prefix}${name}`, feed]),
  );
}

/** Texts that are looked at. */
const sampleSize = 128;

/** Tells how many texts `textTower.maxTokens` cuts, as a warning where there are some. */
export async function noteTextCuts({ config, data, listener }: Run, { tokenizer }: TextTower): Promise<void> {
  const rows = randomSubset(data.split.train, sampleSize, config.seed, "text-lengths");
  const texts = renderPrompts(data, createPrompt(config.prompt), rows, unsure);
  const lengths = (await tokenizer.encodeBatch(texts)).map(({ length }) => length);
  const { maxTokens } = config.textTower;
  const cut = lengths.filter((length) => length > maxTokens).length;
  if (cut === 0) return;
  listener.note?.(
    `warning: ${cut} of ${rows.length} texts looked at have more than the ${maxTokens} tokens that the text tower reads, and lose what is after the first, oldest history first. The longest has ${Math.max(...lengths)}: set textTower.maxTokens so, or tell fewer events by prompt.historyLength.`,
  );
}

function tooManyTokens(maxTokens: number, most: number): CorellaError {
  return new CorellaError({
    code: "config/text-tower",
    message: `The text tower is to read ${maxTokens} tokens, and can read ${most}.`,
    place: "textTower.maxTokens",
    remedy: `Set ${most} at most.`,
  });
}
