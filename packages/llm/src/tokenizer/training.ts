import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CorellaError } from "@corella/errors";
import {
  BPE,
  byteLevelAlphabet,
  byteLevelPreTokenizer,
  digitsPreTokenizer,
  sequencePreTokenizer,
  Tokenizer,
} from "tokenizers";
import { loadTokenizer, type TextTokenizer } from "./tokenizer.ts";

/** The special tokens of every tokenizer of `trainTokenizer`, in the order of their ids 0, 1, 2. */
export const trainedSpecialTokens: readonly ["<pad>", "<s>", "</s>"] = ["<pad>", "<s>", "</s>"];

/**
 * Trains a byte-level BPE tokenizer on a corpus: digits one by one, `<s>` before every text, every string encodable.
 * The same corpus gives the same tokenizer.
 * @param corpusLines one text each
 * @param options.digits `together`: runs of digits merge as letters do, so that frequent ids become tokens of their own; default one by one
 * @throws CorellaError `llm/vocabulary-size` when the size has no room for the 256 bytes and the special tokens
 */
export async function trainTokenizer(
  corpusLines: Iterable<string>,
  options: { readonly vocabularySize: number; readonly digits?: "apart" | "together" },
): Promise<TextTokenizer> {
  const apart = options.digits !== "together";
  const alphabet = byteLevelAlphabet().sort();
  const least = trainedSpecialTokens.length + alphabet.length;
  if (options.vocabularySize < least) {
    throw new CorellaError({
      code: "llm/vocabulary-size",
      message: `A byte-level vocabulary has at least ${least} tokens, not ${options.vocabularySize}.`,
      place: "vocabularySize",
      remedy: "Choose a few thousand.",
    });
  }
  const learned = await learnMerges(corpusLines, apart);
  const vocab: Record<string, number> = {};
  for (const token of [...trainedSpecialTokens, ...alphabet]) vocab[token] = Object.keys(vocab).length;
  const merges: [string, string][] = [];
  let size = least;
  // The library stops at its own size: merges stand in the order in which they were learned, so any prefix of them is
  // the tokenizer of a smaller size.
  for (const [left, right] of learned) {
    if (size >= options.vocabularySize) break;
    const token = left + right;
    if (!Object.hasOwn(vocab, token)) {
      vocab[token] = size;
      size += 1;
    }
    merges.push([left, right]);
  }
  return loadTokenizer({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: trainedSpecialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        ...(apart ? [{ type: "Digits", individual_digits: true }] : []),
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [
        { SpecialToken: { id: "<s>", type_id: 0 } },
        { Sequence: { id: "A", type_id: 0 } },
        { Sequence: { id: "B", type_id: 1 } },
      ],
      special_tokens: { "<s>": { id: "<s>", ids: [1], tokens: ["<s>"] } },
    },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges,
    },
  });
}

/** All merges that the library's trainer learns, in order. It reads files and has no options in its Node binding. */
async function learnMerges(corpusLines: Iterable<string>, apart: boolean): Promise<[string, string][]> {
  const folder = await mkdtemp(join(tmpdir(), "corella-tokenizer-"));
  try {
    const corpus = join(folder, "corpus.txt");
    await writeFile(corpus, [...corpusLines].join("\n"));
    const tokenizer = new Tokenizer(BPE.empty());
    const byteLevel = byteLevelPreTokenizer(false, true);
    tokenizer.setPreTokenizer(
      apart ? sequencePreTokenizer([digitsPreTokenizer(true), byteLevel]) : byteLevel,
    );
    tokenizer.train([corpus]);
    const trained = join(folder, "tokenizer.json");
    tokenizer.save(trained);
    const json = JSON.parse(await readFile(trained, "utf8")) as { model: { merges: [string, string][] } };
    return json.model.merges;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
