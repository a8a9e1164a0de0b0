import type { ChatTemplate } from "../../tokenizer/chat/template.ts";
import { ggufError, type GgufHeader } from "./header.ts";

/** ggml's kinds of tokens that are not ordinary pieces. */
const control = 3;
const userDefined = 4;

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const split = (digits: string): object => ({
  type: "Split",
  pattern: {
    Regex: `${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
  },
  behavior: "Isolated",
  invert: false,
});
const byteLevel = (useRegex: boolean): object => ({
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: useRegex,
});
const digits = { type: "Digits", individual_digits: true };

/** How byte-level models cut text before merging, by GGUF's `tokenizer.ggml.pre`. */
const preTokenizers: Readonly<Record<string, readonly object[]>> = {
  default: [byteLevel(true)],
  "gpt-2": [byteLevel(true)],
  smollm: [digits, byteLevel(true)],
  "llama-bpe": [split("\\p{N}{1,3}"), byteLevel(false)],
  qwen2: [split("\\p{N}"), byteLevel(false)],
};

/**
 * The content of a tokenizer.json for the vocabulary in a GGUF header.
 * @throws CorellaError `llm/gguf` for kinds of tokenizers that are not supported
 */
export function ggufTokenizer({ metadata }: GgufHeader, path: string): object {
  const list = <Element>(key: string): Element[] => {
    const found = metadata.get(`tokenizer.ggml.${key}`);
    return Array.isArray(found) ? (found as Element[]) : [];
  };
  const number = (key: string): number | undefined => {
    const found = metadata.get(`tokenizer.ggml.${key}`);
    return typeof found === "number" ? found : undefined;
  };
  const model = metadata.get("tokenizer.ggml.model");
  const pre = String(metadata.get("tokenizer.ggml.pre") ?? "default");
  const tokens = list<string>("tokens");
  if (tokens.length === 0) throw ggufError("The metadata lacks tokenizer.ggml.tokens.", path);
  const types = list<number>("token_type");
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const bos = number("bos_token_id");
  const addsBos = metadata.get("tokenizer.ggml.add_bos_token") ?? (model === "llama" || pre === "llama-bpe");
  const common = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: tokens.flatMap((content, id) => {
      const special = types[id] === control;
      if (!special && types[id] !== userDefined) return [];
      return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }];
    }),
    post_processor: addsBos === true && bos !== undefined ? beginning(tokens[bos]!, bos) : null,
  };
  const bpe = {
    type: "BPE",
    dropout: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    vocab,
  };
  if (model === "gpt2") {
    const pretokenizers = preTokenizers[pre];
    if (pretokenizers === undefined)
      throw ggufError(`The tokenizer's pre-tokeniser ${JSON.stringify(pre)} is not supported.`, path);
    const merges = list<string>("merges").map((merge) => {
      // A piece may contain a space itself only where it begins with one, so the last space separates.
      const at = merge.indexOf(" ", 1);
      return [merge.slice(0, at), merge.slice(at + 1)];
    });
    return {
      ...common,
      normalizer: pre === "qwen2" ? { type: "NFC" } : null,
      pre_tokenizer: { type: "Sequence", pretokenizers },
      decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: {
        ...bpe,
        unk_token: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: pre === "llama-bpe",
        merges,
      },
    };
  }
  if (model === "llama") {
    const prefixed = metadata.get("tokenizer.ggml.add_space_prefix") !== false;
    return {
      ...common,
      normalizer: {
        type: "Sequence",
        normalizers: [
          ...(prefixed ? [{ type: "Prepend", prepend: "▁" }] : []),
          { type: "Replace", pattern: { String: " " }, content: "▁" },
        ],
      },
      pre_tokenizer: null,
      decoder: {
        type: "Sequence",
        decoders: [
          { type: "Replace", pattern: { String: "▁" }, content: " " },
          { type: "ByteFallback" },
          { type: "Fuse" },
          ...(prefixed ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
        ],
      },
      model: {
        ...bpe,
        unk_token: tokens[number("unknown_token_id") ?? 0] ?? null,
        fuse_unk: true,
        byte_fallback: true,
        ignore_merges: false,
        merges: mergesOfScores(tokens, list<number>("scores")),
      },
    };
  }
  throw ggufError(`The tokenizer model ${JSON.stringify(model)} is not supported; gpt2 and llama are.`, path);
}

/** The chat template in a GGUF header, where it has one. */
export function ggufChatTemplate({ metadata }: GgufHeader): ChatTemplate | undefined {
  const source = metadata.get("tokenizer.chat_template");
  if (typeof source !== "string") return undefined;
  const tokens = metadata.get("tokenizer.ggml.tokens");
  const token = (key: string): string | undefined => {
    const id = metadata.get(`tokenizer.ggml.${key}`);
    return typeof id === "number" && Array.isArray(tokens) ? (tokens[id] as string) : undefined;
  };
  return { source, beginToken: token("bos_token_id"), endToken: token("eos_token_id") };
}

function beginning(token: string, id: number): object {
  const first = { SpecialToken: { id: token, type_id: 0 } };
  return {
    type: "TemplateProcessing",
    single: [first, { Sequence: { id: "A", type_id: 0 } }],
    pair: [first, { Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}

/** SentencePiece merges the pair whose whole has the best score: every cut of every piece, in the order of the scores. */
function mergesOfScores(tokens: readonly string[], scores: readonly number[]): [string, string][] {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const merges: { left: string; right: string; id: number }[] = [];
  tokens.forEach((token, id) => {
    const characters = [...token];
    for (let cut = 1; cut < characters.length; cut++) {
      const left = characters.slice(0, cut).join("");
      const right = characters.slice(cut).join("");
      if (ids.has(left) && ids.has(right)) merges.push({ left, right, id });
    }
  });
  merges.sort(
    (a, b) =>
      (scores[b.id] ?? 0) - (scores[a.id] ?? 0) ||
      a.id - b.id ||
      ids.get(a.left)! - ids.get(b.left)! ||
      ids.get(a.right)! - ids.get(b.right)!,
  );
  return merges.map(({ left, right }) => [left, right]);
}
