import type { Batch } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import type { TextTokenizer } from "../tokenizer/tokenizer.ts";

/** How long sequences may be, and how batches are made of them. */
export interface PrepareOptions {
  /** Longest sequence. */
  readonly maxTokens: number;
  /** What to do with a longer prompt: an error, or keep its first token and its newest ones. Default error. */
  readonly overlong?: "error" | "cut";
  /** Most tokens of a batch, padding included. Default 4,096. */
  readonly tokenBudget?: number;
  /** Most sequences of a batch. Default no limit but the budget. */
  readonly batchSize?: number;
  /** The side on which shorter sequences are filled. Default right. */
  readonly pad?: "right" | "left";
  /** What fills them; never seen by the model. Default 0. */
  readonly padTokenId?: number;
  /** False keeps the prompts' order instead of sorting by length. Default true. */
  readonly sort?: boolean;
}

/** Sequences that go through the model together: the feeds, and which of the sequences given they are. */
export interface TokenBatch {
  /** The inputs of `decoder`. */
  readonly feeds: Batch;
  /** Which prompts these are, by their place in the list given. */
  readonly rows: Uint32Array;
}

/** All sequences in batches, each sequence in exactly one of them. */
export interface PreparedTokens {
  readonly batches: readonly TokenBatch[];
  /** How many prompts were cut. */
  readonly cut: number;
}

/**
 * Tokenises prompts and groups those of similar length into batches for `decoder`, so that little is computed on
 * padding.
 * @param prompts texts, or token ids of texts that are tokenised already
 * @throws CorellaError `llm/prompt-too-long`, `llm/empty-prompt`
 */
export async function prepareTokens(
  prompts: readonly (string | ArrayLike<number>)[],
  tokenizer: TextTokenizer,
  options: PrepareOptions,
): Promise<PreparedTokens> {
  const texts = prompts.filter((prompt) => typeof prompt === "string");
  const encoded = await tokenizer.encodeBatch(texts);
  let next = 0;
  const sequences = prompts.map((prompt): ArrayLike<number> =>
    typeof prompt === "string" ? encoded[next++]! : prompt,
  );
  return batchSequences(sequences, options);
}

/**
 * Groups tokenised sequences of similar length into batches for `decoder`, so that little is computed on padding.
 * @param sequences token ids, one array each
 * @throws CorellaError `llm/prompt-too-long`, `llm/empty-prompt`
 */
export function batchSequences(
  sequences: readonly ArrayLike<number>[],
  options: PrepareOptions,
): PreparedTokens {
  const { fitting, cut } = fitted(sequences, options);
  const order = fitting.map((_, row) => row);
  if (options.sort !== false) order.sort((a, b) => fitting[a]!.length - fitting[b]!.length || a - b);
  const budget = options.tokenBudget ?? 4096;
  const most = options.batchSize ?? Number.POSITIVE_INFINITY;
  const batches: TokenBatch[] = [];
  let group: number[] = [];
  let longest = 0;
  const close = (): void => {
    if (group.length > 0)
      batches.push({
        feeds: paddedFeeds(
          group.map((row) => fitting[row]!),
          options,
        ),
        rows: Uint32Array.from(group),
      });
    group = [];
    longest = 0;
  };
  for (const row of order) {
    const length = Math.max(longest, fitting[row]!.length);
    if (group.length > 0 && ((group.length + 1) * length > budget || group.length >= most)) close();
    group.push(row);
    longest = Math.max(longest, fitting[row]!.length);
  }
  close();
  return { batches, cut };
}

/**
 * Cuts sequences to the longest length, or refuses those that are longer.
 * @returns the sequences in their order, and how many were cut
 * @throws CorellaError `llm/prompt-too-long`, `llm/empty-prompt`
 */
export function fitted(
  sequences: readonly ArrayLike<number>[],
  { maxTokens, overlong }: Pick<PrepareOptions, "maxTokens" | "overlong">,
): { readonly fitting: readonly ArrayLike<number>[]; readonly cut: number } {
  let cut = 0;
  const fitting = sequences.map((ids, row) => {
    if (ids.length === 0) throw emptyPrompt(row);
    if (ids.length <= maxTokens) return ids;
    if (overlong !== "cut") throw tooLong(row, ids.length, maxTokens);
    cut += 1;
    return [ids[0]!, ...Array.from(ids).slice(ids.length - maxTokens + 1)];
  });
  return { fitting, cut };
}

/**
 * The feeds of `decoder` for one batch: every sequence is a row, filled up to the longest one.
 * @param sequences token ids, none empty
 */
export function paddedFeeds(
  sequences: readonly ArrayLike<number>[],
  options: Pick<PrepareOptions, "pad" | "padTokenId"> = {},
): Batch {
  const batch = sequences.length;
  const time = sequences.reduce((longest, ids) => Math.max(longest, ids.length), 1);
  const tokens = new Int32Array(batch * time).fill(options.padTokenId ?? 0);
  const positions = new Int32Array(batch * time);
  const visible = new Int32Array(batch * time);
  const last = new Int32Array(batch);
  sequences.forEach((ids, row) => {
    const offset = options.pad === "left" ? time - ids.length : 0;
    for (let i = 0; i < ids.length; i++) {
      const at = row * time + offset + i;
      tokens[at] = ids[i]!;
      positions[at] = i;
      visible[at] = 1;
    }
    last[row] = offset + ids.length - 1;
  });
  return {
    tokens: { shape: [batch, time], data: tokens },
    positions: { shape: [batch, time], data: positions },
    visible: { shape: [batch, time], data: visible },
    index: { shape: [time], data: Int32Array.from({ length: time }, (_, i) => i) },
    last: { shape: [batch], data: last },
  };
}

function tooLong(row: number, length: number, maxTokens: number): CorellaError {
  return new CorellaError({
    code: "llm/prompt-too-long",
    message: `The prompt has ${length} tokens, at most ${maxTokens} are allowed.`,
    place: `prompt ${row}`,
    remedy: "Let the prompt builder cut the history to this budget, or choose a model with a longer context.",
  });
}

function emptyPrompt(row: number): CorellaError {
  return new CorellaError({
    code: "llm/empty-prompt",
    message: "The prompt has no tokens.",
    place: `prompt ${row}`,
    remedy: "Give every sample a prompt.",
  });
}
