import { CorellaError } from "@corella/errors";
import { cutPrompt, type AnswerWords, type PromptEnd, type YesNoIds } from "../answers.ts";
import { prepareTokens } from "../../batching/prepare-tokens.ts";
import { inDictionaryOrder } from "../../batching/token-order.ts";
import type { Scorer, YesNoScores } from "../scorer.ts";
import type { AnswerScoring } from "../../decoder/losses.ts";
import type { TextTokenizer } from "../../tokenizer/tokenizer.ts";
import {
  answerLogit,
  topTokens,
  type AnswerLogit,
  type AnswerToken,
  type MissingLabel,
} from "./answer-logits.ts";
import type { RemoteServer } from "./server.ts";

/**
 * How prompts go to the server. As tokens: with the model's own tokenizer here, so that the server reads the very ids that
 * a local model would, and no text can become a special token. As text: the server tokenises, and takes what looks like
 * a special token for one.
 */
export type RemoteAsking =
  | {
      readonly kind: "tokens";
      readonly tokenizer: TextTokenizer;
      /** From `yesNoIds`. */
      readonly answers: YesNoIds;
      /** Longest prompt. */
      readonly maxTokens: number;
      /** Default error. */
      readonly overlong?: "error" | "cut" | undefined;
    }
  | {
      readonly kind: "text";
      /** The answers' first tokens as the server spells them, mostly with their space: " Yes"; or all tokens that say the same. */
      readonly yes: AnswerWords;
      readonly no: AnswerWords;
      /** Default: white space that both answers begin with is cut from the end of a prompt, for it belongs to them. */
      readonly end?: PromptEnd | undefined;
    };

/** Which model is asked on which server, and how. */
export interface RemoteScorerOptions {
  readonly server: RemoteServer;
  /** The served model's name, or that of an adapter of it. */
  readonly model: string;
  readonly asking: RemoteAsking;
  /** How the two answers become P(yes). Default `twoWay`. */
  readonly scoring?: AnswerScoring | undefined;
  /** How many of the most probable tokens the server is asked for. Default 20, which is vLLM's most unless it is told otherwise. */
  readonly topLogprobs?: number | undefined;
  /** Default `bound`. */
  readonly missingLabel?: MissingLabel | undefined;
  /** Further fields of every request, for example llama.cpp's `lora: [{ id: 0, scale: 1 }]`. */
  readonly extraFields?: Readonly<Record<string, unknown>> | undefined;
}

/** Scores of prompts, with a count of those that are bounds only. */
export interface RemoteScores extends YesNoScores {
  /** How many answers stand at a bound, because the server did not report one of the labels. */
  readonly bounded: number;
}

/** A model on a server that answers yes or no, as one in this process does. */
export interface RemoteScorer extends Scorer {
  scores(prompts: readonly string[], signal?: AbortSignal): Promise<RemoteScores>;
}

/**
 * Scores on an OpenAI-compatible server: one completion of one token for each prompt, the first label logits of which
 * give P(yes) as a local model would (eq. 2). When one prompt fails for good, the others are given up too.
 *
 * Asked in token ids, a server that knows `logprob_token_ids` (vLLM 0.33) gives the answers' own log probabilities, whatever
 * their rank. One that ignores the field gives the most probable tokens, where a missing label stands at a bound; one that
 * refuses it is asked without it from then on. A call's first prompt goes alone as long as that is not known. Prompts are sent
 * in the order of a dictionary: those that begin alike, such as a user's, come one after another, for the server's cache of
 * prefixes.
 * @throws CorellaError `llm/remote-…` from its methods
 */
export function createRemoteScorer(options: RemoteScorerOptions): RemoteScorer {
  const { server, model, asking } = options;
  const missing = options.missingLabel ?? "bound";
  const most = options.topLogprobs ?? 20;
  /** Undefined until the server has answered once. */
  let takesIds = asking.kind === "tokens" ? undefined : false;
  let disposed = false;
  const ask = async (
    prompt: string | number[],
    labels: Labels,
    place: string,
    signal: AbortSignal,
    byId: boolean,
  ): Promise<AnswerLogit> => {
    const ids = [...labels.yes, ...labels.no].map(({ id }) => id);
    const body = {
      ...options.extraFields,
      model,
      prompt,
      max_tokens: 1,
      temperature: 0,
      stream: false,
      logprobs: most,
      ...(typeof prompt === "string" ? {} : { return_tokens_as_token_ids: true }),
      ...(byId && { logprob_token_ids: ids }),
    };
    const sent =
      typeof prompt === "string"
        ? { leastTokens: wordsOf(prompt), mostTokens: Number.POSITIVE_INFINITY }
        : { leastTokens: prompt.length, mostTokens: prompt.length };
    const top = await server.post("/completions", body, (text) => topTokens(text, sent), signal);
    // The answers' own and the token that was chosen: these are not the most probable ones, and bound nothing.
    const isChosen = byId && top.byId.size > 0 && top.byId.size < Math.min(most, ids.length + 2);
    return answerLogit(top, labels.yes, labels.no, isChosen ? "error" : missing, place);
  };
  const answered = async (
    prompt: string | number[],
    labels: Labels,
    place: string,
    signal: AbortSignal,
  ): Promise<AnswerLogit> => {
    if (takesIds === false) return ask(prompt, labels, place, signal, false);
    try {
      const answer = await ask(prompt, labels, place, signal, true);
      takesIds = true;
      return answer;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      // Where something else was refused, it is again.
      const answer = await ask(prompt, labels, place, signal, false);
      takesIds = false;
      return answer;
    }
  };

  const scores = async (prompts: readonly string[], signal?: AbortSignal): Promise<RemoteScores> => {
    if (disposed) throw disposedError(server.baseUrl);
    signal?.throwIfAborted();
    const labels = await labelsOf(asking);
    const { requests, cut } = await requestsOf(prompts, asking);
    const failure = new AbortController();
    const either = signal === undefined ? failure.signal : AbortSignal.any([signal, failure.signal]);
    const logitDifference = new Float32Array(prompts.length);
    let bounded = 0;
    const score = async (row: number): Promise<void> => {
      try {
        const logit = await answered(requests[row]!, labels, `prompt ${row}`, either);
        logitDifference[row] =
          options.scoring === "doubleSoftmax" ? logit.probabilityDifference : logit.difference;
        if (logit.bounded) bounded += 1;
      } catch (error) {
        failure.abort(error);
        throw error;
      }
    };
    const [first, ...others] = sendingOrder(requests);
    const probing = first === undefined ? undefined : score(first);
    if (takesIds === undefined) await probing;
    await Promise.all([probing, ...others.map(score)]);
    const probability = logitDifference.map((logit) => 1 / (1 + Math.exp(-logit)));
    return { probability, logitDifference, cut, bounded };
  };
  return {
    scores,
    score: async (prompts, signal) => (await scores(prompts, signal)).probability,
    async dispose() {
      disposed = true;
    },
  };
}

interface Labels {
  readonly yes: readonly AnswerToken[];
  readonly no: readonly AnswerToken[];
}

async function labelsOf(asking: RemoteAsking): Promise<Labels> {
  if (asking.kind === "text") {
    const spelled = (words: AnswerWords): AnswerToken[] =>
      [...new Set([words].flat())].map((text) => ({ text }));
    return { yes: spelled(asking.yes), no: spelled(asking.no) };
  }
  const { tokenizer, answers } = asking;
  // Decoded alone, a SentencePiece token loses its space.
  const token = async (id: number): Promise<AnswerToken> => {
    const alone = await tokenizer.decode([id]);
    const twice = await tokenizer.decode([id, id]);
    return { id, text: twice.slice(alone.length), piece: tokenizer.tokenOf(id) };
  };
  const tokens = (ids: readonly number[]): Promise<AnswerToken[]> => Promise.all(ids.map(token));
  const { yes, no, variants } = answers;
  return {
    yes: await tokens([yes, ...(variants?.yes ?? [])]),
    no: await tokens([no, ...(variants?.no ?? [])]),
  };
}

async function requestsOf(
  prompts: readonly string[],
  asking: RemoteAsking,
): Promise<{ requests: (string | number[])[]; cut: number }> {
  if (asking.kind === "text") {
    const begins = [asking.yes, asking.no].flat().map((label) => /^\s*/.exec(label)![0]);
    const dangling = new Set(begins).size === 1 ? begins[0]! : "";
    const end = asking.end ?? { dangling, appended: "" };
    const requests = prompts.map((prompt) => cutPrompt(prompt, end));
    return { requests, cut: 0 };
  }
  const { tokenizer, answers, maxTokens, overlong } = asking;
  const { batches, cut } = await prepareTokens(
    prompts.map((prompt) => cutPrompt(prompt, answers)),
    tokenizer,
    { maxTokens, overlong: overlong ?? "error", batchSize: 1, sort: false },
  );
  return { requests: batches.map(({ feeds }) => Array.from(feeds["tokens"]!.data)), cut };
}

/** The places of prompts, those that begin alike one after another. */
function sendingOrder(requests: readonly (string | number[])[]): number[] {
  return inDictionaryOrder(
    requests.map((prompt) =>
      typeof prompt === "string" ? Uint16Array.from(prompt, (_, i) => prompt.charCodeAt(i)) : prompt,
    ),
  );
}

/** Whether a server finds fault with the request itself. */
function isRefusal(error: unknown): boolean {
  return (
    CorellaError.isInstance(error) &&
    error.code === "llm/remote-status" &&
    /^The server answered (400|422)(?! with an error)/.test(error.message)
  );
}

/** No tokenizer in use has fewer tokens for a text than it has words: no token goes on behind a space. */
function wordsOf(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}

function disposedError(place: string): CorellaError {
  return new CorellaError({
    code: "llm/remote-disposed",
    message: "The remote scorer was disposed.",
    place,
    remedy: "Create another one.",
  });
}
