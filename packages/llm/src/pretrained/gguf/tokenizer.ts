import type { ChatTemplate } from "../../tokenizer/chat/template.ts";
import { looksLikeControl } from "../../tokenizer/control-tokens.ts";
import { ggufError, type GgufHeader } from "./header.ts";
import { preTokenizers } from "./pre-tokenizers.ts";

/** ggml's kinds of tokens: ordinary pieces, and some that are not. */
const normal = 1;
const unknown = 2;
const control = 3;
const userDefined = 4;

/**
 * The content of a tokenizer.json for the vocabulary in a GGUF header.
 * @throws CorellaError `llm/gguf` for kinds of tokenizers that are not supported
 */
export function ggufTokenizer({ metadata }: GgufHeader, path: string): object {
  const list = <Element>(key: string): Element[] => {
    const found = metadata.get(`tokenizer.ggml.${key}`);
    return Array.isArray(found) ? (found as Element[]) : [];
  };
  const number = (key: string): number | undefined => tokenId(metadata, key, path);
  const model = metadata.get("tokenizer.ggml.model");
  const pre = String(metadata.get("tokenizer.ggml.pre") ?? "default");
  const tokens = list<string>("tokens");
  if (tokens.length === 0) throw ggufError("The metadata lacks tokenizer.ggml.tokens.", path);
  const types = list<number | bigint>("token_type").map(Number);
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  requireDistinct(tokens, path);
  const spm = model === "llama";
  const flag = (key: string, otherwise: boolean): boolean => {
    const found = metadata.get(`tokenizer.ggml.${key}`) ?? otherwise;
    if (typeof found === "boolean") return found;
    // Some writers have no booleans.
    if (typeof found !== "object" && ["0", "1"].includes(String(found))) return String(found) === "1";
    throw ggufError(`tokenizer.ggml.${key} is neither true nor false.`, path);
  };
  for (const [key, plain] of Object.entries({ add_sep_token: false, escape_whitespaces: true })) {
    const found = flag(key, plain);
    if (found !== plain) throw ggufError(`tokenizer.ggml.${key} ${String(found)} is not supported.`, path);
  }
  refuseOthers(metadata, path);
  const added = (key: string, id: number | undefined): AddedToken => {
    const token = id === undefined ? undefined : tokens[id];
    if (id === undefined || token === undefined)
      throw ggufError(
        `The metadata lacks tokenizer.ggml.${key}, of the token that stands in every text.`,
        path,
      );
    return { token, id };
  };
  // Ids that SentencePiece's files leave out are those of Llama's first vocabulary.
  const first = flag("add_bos_token", spm || preTokenizers[pre]?.addsBeginning === true)
    ? added("bos_token_id", number("bos_token_id") ?? (spm ? 1 : undefined))
    : undefined;
  const last = flag("add_eos_token", false)
    ? added("eos_token_id", number("eos_token_id") ?? (spm ? 2 : undefined))
    : undefined;
  const common = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: tokens.flatMap((content, id) => {
      const type = types[id] ?? normal;
      const special = type === control || type === unknown || looksLikeControl(content);
      if (!special && type !== userDefined) return [];
      return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }];
    }),
    post_processor: first === undefined && last === undefined ? null : around(first, last),
  };
  const bpe = {
    type: "BPE",
    dropout: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    vocab,
  };
  if (model === "gpt2") {
    const preTokenizer = Object.hasOwn(preTokenizers, pre) ? preTokenizers[pre] : undefined;
    if (preTokenizer === undefined)
      throw ggufError(`The tokenizer's pre-tokeniser ${JSON.stringify(pre)} is not supported.`, path);
    const pairs = list<string>("merges");
    const longer = tokens.some((token, id) => (types[id] ?? normal) === normal && [...token].length > 1);
    if (pairs.length === 0 && (longer || !metadata.has("tokenizer.ggml.merges")))
      throw ggufError("The metadata lacks tokenizer.ggml.merges.", path);
    const merges = pairs.map((merge) => {
      // A piece may contain a space itself only where it begins with one, so the last space separates.
      const at = merge.indexOf(" ", 1);
      return [merge.slice(0, at), merge.slice(at + 1)];
    });
    return {
      ...common,
      normalizer: preTokenizer.normalizer ?? null,
      pre_tokenizer: { type: "Sequence", pretokenizers: preTokenizer.steps },
      decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: {
        ...bpe,
        unk_token: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: preTokenizer.ignoreMerges === true,
        merges,
      },
    };
  }
  if (spm) {
    const scores = list<number>("scores");
    if (scores.length < tokens.length)
      throw ggufError(
        `The metadata has tokenizer.ggml.scores of ${scores.length} of ${tokens.length} tokens.`,
        path,
      );
    const prefixed = flag("add_space_prefix", true);
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
        merges: mergesOfScores(tokens, types, scores),
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
    return id !== undefined && Array.isArray(tokens) ? (tokens[Number(id)] as string) : undefined;
  };
  return { source, beginToken: token("bos_token_id"), endToken: token("eos_token_id") };
}

/** The id of a token by its role; integers of any width. @throws CorellaError `llm/gguf` */
export function tokenId(metadata: GgufHeader["metadata"], key: string, path: string): number | undefined {
  const found = metadata.get(`tokenizer.ggml.${key}`);
  if (found === undefined) return undefined;
  if (typeof found === "bigint" || Number.isInteger(found)) return Number(found);
  throw ggufError(`tokenizer.ggml.${key} is no token's id.`, path);
}

/** Keys that are read here, and those that say nothing about how a text becomes tokens. */
const knownKeys =
  /^(model|pre|tokens|token_type|token_type_count|scores|merges|add_(bos|eos|sep)_token|add_space_prefix|escape_whitespaces|.*_token_ids?)$/;

/** What else a file says about its tokenizer would change texts' tokens, unless it is off. @throws CorellaError `llm/gguf` */
function refuseOthers(metadata: GgufHeader["metadata"], path: string): void {
  const prefix = "tokenizer.ggml.";
  for (const [name, found] of metadata) {
    if (!name.startsWith(prefix) || knownKeys.test(name.slice(prefix.length))) continue;
    const isOff = found === false || Number(found) === 0 || (Array.isArray(found) && found.length === 0);
    if (!isOff) throw ggufError(`What ${name} says about the tokenizer is not supported.`, path);
  }
}

/** What stands before and behind every text. */
function around(first: AddedToken | undefined, last: AddedToken | undefined): object {
  const piece = (token: AddedToken | undefined): object[] =>
    token === undefined ? [] : [{ SpecialToken: { id: token.token, type_id: 0 } }];
  const text = (id: string, type_id: number): object => ({ Sequence: { id, type_id } });
  return {
    type: "TemplateProcessing",
    single: [...piece(first), text("A", 0), ...piece(last)],
    pair: [...piece(first), text("A", 0), text("B", 1), ...piece(last)],
    special_tokens: Object.fromEntries(
      [first, last].flatMap((added) =>
        added === undefined
          ? []
          : [[added.token, { id: added.token, ids: [added.id], tokens: [added.token] }]],
      ),
    ),
  };
}

interface AddedToken {
  readonly token: string;
  readonly id: number;
}

/** @throws CorellaError `llm/gguf` */
function requireDistinct(tokens: readonly string[], path: string): void {
  const ids = new Map<string, number>();
  tokens.forEach((token, id) => {
    const other = ids.get(token);
    if (other !== undefined)
      throw ggufError(`The token ${JSON.stringify(token)} has the ids ${other} and ${id}.`, path);
    ids.set(token, id);
  });
}

/**
 * SentencePiece merges the pair whose whole has the best score: every cut of every piece, in the order of the scores. What is
 * no ordinary piece is not merged to.
 */
function mergesOfScores(
  tokens: readonly string[],
  types: readonly number[],
  scores: readonly number[],
): [string, string][] {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const merges: { left: string; right: string; id: number }[] = [];
  tokens.forEach((token, id) => {
    const characters = (types[id] ?? normal) === normal ? [...token] : [];
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
