/** How byte-level models of GGUF files cut text before merging, and what else llama.cpp knows by the same name. */
export interface GgufPreTokenizer {
  /** Of tokenizer.json, one after another. */
  readonly steps: readonly object[];
  /** Unless the file says otherwise. */
  readonly addsBeginning?: true;
  /** A whole word that is a token is that token, whatever its merges. */
  readonly ignoreMerges?: true;
  /** As Qwen's tokenizer.json has it. */
  readonly normalizer?: object;
}

const split = (expression: string): object => ({
  type: "Split",
  pattern: { Regex: expression },
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

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const spaces = String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`;
/** The family of Llama 3's expression (tiktoken's cl100k): words, numbers of so many digits, other signs, space. */
const words = (numbers: string): object[] => [
  split(String.raw`${contractions}|[^\r\n\p{L}\p{N}]?\p{L}+|${numbers}| ?[^\s\p{L}\p{N}]+[\r\n]*|${spaces}`),
  byteLevel(false),
];
const threeDigits = String.raw`\p{N}{1,3}`;
const oneDigit = String.raw`\p{N}`;
/** The family of GPT-4o's (o200k): words are cut where small letters are followed by capitals. */
const cased = (endings: string, numbers: string): object[] => {
  const [upper, lower] = [String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`, String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`];
  const before = String.raw`[^\r\n\p{L}\p{N}]?`;
  return [
    split(
      String.raw`${before}${upper}*${lower}+${endings}|${before}${upper}+${lower}*${endings}|${numbers}| ?[^\s\p{L}\p{N}]+[\r\n/]*|${spaces}`,
    ),
    byteLevel(false),
  ];
};
const gpt2: GgufPreTokenizer = { steps: [byteLevel(true)] };
const gpt2Digits: GgufPreTokenizer = { steps: [digits, byteLevel(true)] };
/** What stands between signs, cut as GPT-2 does. */
const gpt2Words = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)`;
const threeByThree = "[0-9][0-9][0-9]";
const eastAsian = "[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+";
/** Letters with a case that DeepSeek's list of them leaves out: of Armenian, Georgian, Latin and others, and those of formulas. */
const uncased =
  "\u0560-\u0588\u10C7\u10CD\u10D0-\u10FF\u1C80-\u1C88\u2D00-\u2D2D\uA790-\uA7FA\uAB30-\uAB68" +
  "\u{10570}-\u{105BC}\u{16E40}-\u{16E7F}\u{1D400}-\u{1D7CB}\u{1DF00}-\u{1DF1E}";
const llama3: GgufPreTokenizer = { steps: words(threeDigits), addsBeginning: true, ignoreMerges: true };
/** Llama 3's expression in models that begin and merge otherwise. */
const likeLlama3: GgufPreTokenizer = { steps: words(threeDigits) };
const likeQwen2: GgufPreTokenizer = { steps: words(oneDigit) };
const gpt4o: GgufPreTokenizer = { steps: cased(`${contractions}?`, threeDigits) };

/**
 * Of files that name none, and llama.cpp's for them: a guess, as it says when it loads such a file.
 */
const unnamed: GgufPreTokenizer = {
  steps: [
    split(String.raw`[\p{P}\$\+<=>\^~\|]+`),
    split(gpt2Words),
    split(String.raw`\p{N}+`),
    split(threeByThree),
    byteLevel(false),
  ],
};

/** The pre-tokenisers that are read, by their names in `tokenizer.ggml.pre`; `default` counts where a file names none. */
export const preTokenizers: Readonly<Record<string, GgufPreTokenizer>> = {
  default: unnamed,
  "gpt-2": gpt2,
  "phi-2": gpt2,
  mpt: gpt2,
  olmo: gpt2,
  smollm: gpt2Digits,
  starcoder: gpt2Digits,
  refact: gpt2Digits,
  codeshell: gpt2Digits,
  "command-r": gpt2Digits,
  exaone: gpt2Digits,
  "minerva-7b": gpt2Digits,
  falcon: {
    steps: [
      split(String.raw`[\p{P}\$\+<=>\^~\|` + "`]+"),
      split(gpt2Words),
      split(threeByThree),
      byteLevel(false),
    ],
  },
  "llama-bpe": llama3,
  llama3,
  "llama-v3": llama3,
  falcon3: llama3,
  "smaug-bpe": likeLlama3,
  dbrx: likeLlama3,
  "chatglm-bpe": likeLlama3,
  glm4: likeLlama3,
  qwen2: { steps: words(oneDigit), normalizer: { type: "NFC" } },
  "deepseek-r1-qwen": likeQwen2,
  megrez: likeQwen2,
  stablelm2: likeQwen2,
  hunyuan: likeQwen2,
  qwen35: {
    // Marks belong to the letters before them.
    steps: [
      split(
        String.raw`${contractions}|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|${spaces}`,
      ),
      byteLevel(false),
    ],
    normalizer: { type: "NFC" },
  },
  tekken: { steps: cased("", oneDigit), addsBeginning: true, ignoreMerges: true },
  "gpt-4o": gpt4o,
  llama4: gpt4o,
  "deepseek-llm": {
    steps: [
      split(String.raw`[\r\n]`),
      split(String.raw`\s?(?:(?![${uncased}])[\p{Lu}\p{Ll}\p{Lt}])+`),
      split("\\s?[!-/:-~\uFF01-\uFF0F\uFF1A-\uFF5E\u2018-\u201F\u3000-\u3002]+"),
      split(String.raw`\s+$`),
      split(eastAsian),
      split(String.raw`\p{N}+`),
      byteLevel(false),
    ],
  },
  "deepseek-coder": {
    steps: [
      split(String.raw`[\r\n]`),
      split(String.raw`\s?\p{L}+`),
      split(String.raw`\s?\p{P}+`),
      split(eastAsian),
      digits,
      byteLevel(false),
    ],
  },
  "deepseek-v3": {
    steps: [
      split(threeDigits),
      split("[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+"),
      split(
        String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_${"`"}{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|${spaces}`,
      ),
      byteLevel(false),
    ],
  },
};
