import { CorellaError } from "@corella/errors";
import { z } from "zod";

/** A token of one of the two answers: its id, where the prompts are sent as ids, and how servers spell it. */
export interface AnswerToken {
  readonly id?: number | undefined;
  /** Its text after other text, mostly with a space: " Yes". */
  readonly text: string;
  /** Its piece in the vocabulary, which some servers show instead: "\u2581Yes". */
  readonly piece?: string | undefined;
}

/** What is done where a label is not among the most probable tokens that the server reports. */
export type MissingLabel = "bound" | "error";

/** What was sent, as far as an answer can be checked against it. */
export interface SentPrompt {
  /** Fewest tokens that the server must have read, and most. */
  readonly leastTokens: number;
  readonly mostTokens: number;
}

/** null where Python's JSON has -Infinity or NaN. */
const logProbability = z.number().nullable();
const entry = z.looseObject({ id: z.int().optional(), token: z.string(), logprob: logProbability });
const completion = z.looseObject({
  choices: z
    .array(
      z.looseObject({
        logprobs: z
          .union([
            /** OpenAI's legacy layout, which vLLM writes: log probability by token, `token_id:7` where asked for. */
            z.looseObject({ top_logprobs: z.array(z.record(z.string(), logProbability).nullable()) }),
            /** llama.cpp's layout. */
            z.looseObject({ content: z.array(z.looseObject({ top_logprobs: z.array(entry) })) }),
          ])
          .nullish(),
        truncated: z.unknown().optional(),
      }),
    )
    .min(1),
  usage: z.looseObject({ prompt_tokens: z.number().nullish() }).nullish(),
  /** llama.cpp's sign that it cut the prompt to its context. */
  truncated: z.unknown().optional(),
  __verbose: z.looseObject({ truncated: z.unknown().optional() }).nullish(),
});
type Completion = z.infer<typeof completion>;

/** The most probable next tokens of one completion. -Infinity stands for tokens that the server gives no probability. */
export interface TopTokens {
  readonly byId: ReadonlyMap<number, number>;
  /** Several tokens may be spelled alike; then this is the most probable one's. */
  readonly byText: ReadonlyMap<string, number>;
  /** Log probability of the least probable one that is reported. */
  readonly smallest: number;
}

/**
 * The log probabilities of the first token after the prompt.
 * @throws SyntaxError, ZodError for a damaged answer; CorellaError `llm/remote-prompt` for a prompt that the server
 * did not read as it was sent, `llm/remote-logprobs` for a server that gives no log probabilities
 */
export function topTokens(text: string, sent: SentPrompt): TopTokens {
  const answer = completion.parse(parsePythonJson(text));
  requireWholePrompt(answer, sent);
  const byId = new Map<number, number>();
  const byText = new Map<string, number>();
  const put = <Key>(map: Map<Key, number>, key: Key, value: number): void =>
    void map.set(key, Math.max(value, map.get(key) ?? Number.NEGATIVE_INFINITY));
  const { logprobs } = answer.choices[0]!;
  for (const { id, token, logprob } of reported(logprobs)) {
    // Rounding may lift a certain token a little above 0.
    if (logprob !== null && logprob > 1e-3)
      throw noLogprobs(
        `The server reports ${logprob} for ${JSON.stringify(token)}, which is no log probability`,
      );
    const value = logprob ?? Number.NEGATIVE_INFINITY;
    if (id !== undefined) put(byId, id, value);
    put(byText, token, value);
  }
  if (byId.size === 0 && byText.size === 0) throw noLogprobs("The server reports no log probabilities");
  const all = [...byId.values(), ...byText.values()].filter(Number.isFinite);
  return { byId, byText, smallest: Math.min(...all) };
}

/** The reported tokens of either layout. */
function reported(logprobs: Completion["choices"][number]["logprobs"]): z.infer<typeof entry>[] {
  if (logprobs == null) return [];
  if ("content" in logprobs)
    return (logprobs.content as { top_logprobs: z.infer<typeof entry>[] }[])[0]?.top_logprobs ?? [];
  const first = (logprobs.top_logprobs as (Record<string, number | null> | null)[])[0] ?? {};
  return Object.entries(first).map(([token, logprob]) => {
    const id = /^token_id:(\d+)$/.exec(token);
    return { token, logprob, ...(id === null ? {} : { id: Number(id[1]) }) };
  });
}

/** JSON as Python writes it: with numbers that JSON does not have, which become null. */
function parsePythonJson(text: string): unknown {
  return JSON.parse(
    text.replaceAll(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (found) =>
      found.startsWith('"') ? found : "null",
    ),
  );
}

/** @throws CorellaError `llm/remote-prompt` */
function requireWholePrompt(
  { usage, choices, ...answer }: Completion,
  { leastTokens, mostTokens }: SentPrompt,
): void {
  if (choices.length > 1) {
    throw new CorellaError({
      code: "llm/remote-prompt",
      message: `The server answered ${choices.length} prompts in place of one.`,
      place: "choices",
      remedy: "Use a server that takes a list of token ids for one prompt, or ask it in text.",
    });
  }
  const cut = [answer.truncated, answer["__verbose"]?.truncated, choices[0]!.truncated].includes(true);
  // Servers that do not count say 0.
  const read = usage?.prompt_tokens || undefined;
  const fail = (message: string, place: string, remedy: string): CorellaError =>
    new CorellaError({ code: "llm/remote-prompt", message, place, remedy });
  if (cut || (read !== undefined && read < leastTokens)) {
    throw fail(
      read !== undefined && read < leastTokens
        ? `The server read ${read} tokens of a prompt that has at least ${leastTokens}.`
        : "The server says that it cut the prompt.",
      cut ? "truncated" : "usage.prompt_tokens",
      "Give the server a longer context, or send shorter prompts (maxTokens).",
    );
  }
  if (read === undefined || read <= mostTokens) return;
  throw fail(
    `The server read ${read} tokens of a prompt that has ${mostTokens}.`,
    "usage.prompt_tokens",
    "Let the server add nothing to prompts of token ids, such as a second beginning token.",
  );
}

function noLogprobs(message: string): CorellaError {
  return new CorellaError({
    code: "llm/remote-logprobs",
    message: `${message}.`,
    place: "choices[0].logprobs",
    remedy: "Use a server whose /completions knows `logprobs`, as vLLM's and llama.cpp's do.",
  });
}

/** The answer to one prompt. */
export interface AnswerLogit {
  /** log P(yes) - log P(no), the difference of the two logits. */
  readonly difference: number;
  /** P(yes) - P(no). */
  readonly probabilityDifference: number;
  /** One label was not reported and stands at its bound. */
  readonly bounded: boolean;
}

/**
 * The two-way logit, of the probabilities of each label's tokens added. A label none of whose tokens is reported is at most as
 * probable as so many times the least probable token that is: with `bound` it is given that value, so that the true answer is at
 * least as sure as the one returned. Of a label with a token that is reported, the others add nothing.
 * @param yes the tokens of each label, the first one first
 * @throws CorellaError `llm/remote-label` when a label is missing and the policy is `error`, when both are, or when the server
 * gives one no probability at all
 */
export function answerLogit(
  top: TopTokens,
  yes: readonly AnswerToken[],
  no: readonly AnswerToken[],
  missing: MissingLabel,
  place: string,
): AnswerLogit {
  const of = ({ id, text, piece }: AnswerToken): number | undefined =>
    (id === undefined ? undefined : top.byId.get(id)) ??
    // Two tokens may have the same text; the text counts only where the server names no ids.
    (top.byId.size === 0 || id === undefined
      ? (top.byText.get(text) ?? (piece === undefined ? undefined : top.byText.get(piece)))
      : undefined);
  const together = (tokens: readonly AnswerToken[]): number | undefined => {
    const known = tokens.map(of).filter((value) => value !== undefined);
    return known.length === 0 ? undefined : logSumExp(known);
  };
  const [logYes, logNo] = [together(yes), together(no)];
  const forbidden = [logYes, logNo].indexOf(Number.NEGATIVE_INFINITY);
  if (forbidden >= 0) throw forbiddenError([yes, no][forbidden]![0]!, place);
  const absent = [...(logYes === undefined ? [yes] : []), ...(logNo === undefined ? [no] : [])];
  // A label that is reported alone is no bound for the other.
  const isAlone = Math.max(top.byId.size, top.byText.size) < 2;
  if (absent.length === 2 || (absent.length === 1 && (missing === "error" || isAlone)))
    throw labelError(
      top,
      absent.map(([first]) => first!),
      place,
    );
  const bound = (tokens: readonly AnswerToken[]): number => top.smallest + Math.log(tokens.length);
  const [a, b] = [logYes ?? bound(yes), logNo ?? bound(no)];
  return {
    difference: a - b,
    probabilityDifference: Math.exp(a) - Math.exp(b),
    bounded: absent.length > 0,
  };
}

/** Exactly the number itself where there is one. */
function logSumExp(values: readonly number[]): number {
  const most = Math.max(...values);
  if (values.length === 1 || !Number.isFinite(most)) return most;
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
}

function labelError(top: TopTokens, absent: readonly AnswerToken[], place: string): CorellaError {
  const count = Math.max(top.byId.size, top.byText.size);
  const names = absent.map(({ text }) => JSON.stringify(text));
  const alike = absent
    .map(({ text }) => text.trim())
    .filter((text) => top.byText.has(text) && !absent.some((label) => label.text === text));
  const near =
    alike.length === 0
      ? ""
      : ` (${alike.map((text) => JSON.stringify(text)).join(" and ")} without the space may be others)`;
  return new CorellaError({
    code: "llm/remote-label",
    message: `Of the answers, ${names.join(" and ")} ${names.length === 1 ? "is" : "are"} not among the ${count} most probable tokens that the server reports${near}.`,
    place,
    remedy:
      alike.length > 0
        ? "Use a server that reports tokens by id or with their spaces; some versions drop them."
        : "Ask for more of them (topLogprobs; the server has a limit of its own), and check that the prompt asks for yes or no.",
  });
}

function forbiddenError({ text }: AnswerToken, place: string): CorellaError {
  return new CorellaError({
    code: "llm/remote-label",
    message: `The server gives the answer ${JSON.stringify(text)} no probability (-Infinity or null).`,
    place,
    remedy: "Take out of the request what forbids tokens: a grammar, logit_bias, top_k, min_p.",
  });
}
