import { CorellaError } from "@corella/errors";
import { z } from "zod";

/** One of the two answers: its token's id, where the prompts are sent as ids, and its text. */
export interface AnswerToken {
  readonly id?: number | undefined;
  readonly text: string;
}

/** What is done where a label is not among the most probable tokens that the server reports. */
export type MissingLabel = "bound" | "error";

const entry = z.looseObject({ id: z.int().optional(), token: z.string(), logprob: z.number() });
const completion = z.looseObject({
  choices: z
    .array(
      z.looseObject({
        logprobs: z
          .union([
            /** OpenAI's legacy layout, which vLLM writes: log probability by token, `token_id:7` where asked for. */
            z.looseObject({ top_logprobs: z.array(z.record(z.string(), z.number())).min(1) }),
            /** llama.cpp's layout. */
            z.looseObject({ content: z.array(z.looseObject({ top_logprobs: z.array(entry) })).min(1) }),
          ])
          .nullish(),
      }),
    )
    .min(1),
});

/** The most probable next tokens of one completion. */
export interface TopTokens {
  readonly byId: ReadonlyMap<number, number>;
  readonly byText: ReadonlyMap<string, number>;
  /** Log probability of the least probable one that is reported. */
  readonly smallest: number;
}

/**
 * The log probabilities of the first token after the prompt.
 * @throws SyntaxError, ZodError for a damaged answer; CorellaError `llm/remote-logprobs` for a server that gives none
 */
export function topTokens(text: string): TopTokens {
  const { logprobs } = completion.parse(JSON.parse(text)).choices[0]!;
  const byId = new Map<number, number>();
  const byText = new Map<string, number>();
  if (logprobs !== undefined && logprobs !== null && "content" in logprobs) {
    for (const { id, token, logprob } of (logprobs.content as { top_logprobs: z.infer<typeof entry>[] }[])[0]!
      .top_logprobs) {
      if (id !== undefined) byId.set(id, logprob);
      byText.set(token, logprob);
    }
  } else if (logprobs !== undefined && logprobs !== null) {
    for (const [token, logprob] of Object.entries((logprobs.top_logprobs as Record<string, number>[])[0]!)) {
      const id = /^token_id:(\d+)$/.exec(token);
      if (id === null) byText.set(token, logprob);
      else byId.set(Number(id[1]), logprob);
    }
  }
  if (byId.size === 0 && byText.size === 0) {
    throw new CorellaError({
      code: "llm/remote-logprobs",
      message: "The server reports no log probabilities.",
      place: "choices[0].logprobs",
      remedy: "Use a server whose /completions knows `logprobs`, as vLLM's and llama.cpp's do.",
    });
  }
  return { byId, byText, smallest: Math.min(...byId.values(), ...byText.values()) };
}

/** The answer to one prompt. */
export interface AnswerLogit {
  /** log P(yes) - log P(no), the difference of the two logits. */
  readonly difference: number;
  /** One label was not reported and stands at its bound. */
  readonly bounded: boolean;
}

/**
 * The two-way logit. A label that is not reported is at most as probable as the least probable token that is: with
 * `bound` it is given that value, so that the true answer is at least as sure as the one returned.
 * @throws CorellaError `llm/remote-label` when a label is missing and the policy is `error`, or when both are
 */
export function answerLogit(
  top: TopTokens,
  yes: AnswerToken,
  no: AnswerToken,
  missing: MissingLabel,
  place: string,
): AnswerLogit {
  const of = ({ id, text }: AnswerToken): number | undefined =>
    (id === undefined ? undefined : top.byId.get(id)) ??
    // Two tokens may have the same text; the text counts only where the server names no ids.
    (top.byId.size === 0 || id === undefined ? top.byText.get(text) : undefined);
  const [logYes, logNo] = [of(yes), of(no)];
  const absent = [...(logYes === undefined ? [yes] : []), ...(logNo === undefined ? [no] : [])];
  if (absent.length === 2 || (absent.length === 1 && missing === "error"))
    throw labelError(top, absent, place);
  return {
    difference: (logYes ?? top.smallest) - (logNo ?? top.smallest),
    bounded: absent.length > 0,
  };
}

function labelError(top: TopTokens, absent: readonly AnswerToken[], place: string): CorellaError {
  const count = Math.max(top.byId.size, top.byText.size);
  const names = absent.map(({ text }) => JSON.stringify(text));
  return new CorellaError({
    code: "llm/remote-label",
    message: `Of the answers, ${names.join(" and ")} ${names.length === 1 ? "is" : "are"} not among the ${count} most probable tokens that the server reports.`,
    place,
    remedy:
      "Ask for more of them (topLogprobs; the server has a limit of its own), and check that the prompt asks for yes or no.",
  });
}
