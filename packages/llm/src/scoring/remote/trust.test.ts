import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { loadTokenizer, yesNoIds, type AnswerWords, type TextTokenizer, type YesNoIds } from "../../index.ts";
import { connectServer, createRemoteScorer, type RemoteAsking, type RemoteScores } from "../../remote.ts";
import { completion, fakeServer, json, type FakeServer } from "./fake-server.test-helper.ts";

// What a server says is checked before it counts.
const prompt = "Would the user like it? Answer:";
let tokenizer: TextTokenizer;
let answers: YesNoIds;
let tokens: RemoteAsking;
let sent: number;
beforeAll(async () => {
  // A SentencePiece vocabulary whose pieces are characters and a few words with their space.
  const pieces = ["<unk>", "<s>", "▁", ..."WouldtheuserlikAnwYsNo?:.", "▁Yes", "▁No", "Yes", "No", "\n"];
  const ids = new Map([...new Set(pieces)].map((piece, id) => [piece, id]));
  const merges = [
    ["Y", "e"],
    ["Ye", "s"],
    ["▁", "Yes"],
    ["N", "o"],
    ["▁", "No"],
  ];
  ids.set("Ye", ids.size);
  tokenizer = await loadTokenizer({
    ...JSON.parse(
      (await loadTokenizer(fileURLToPath(new URL("../../goldens/llama-mha-untied/model", import.meta.url))))
        .json,
    ),
    added_tokens: [
      {
        id: 1,
        content: "<s>",
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      },
    ],
    post_processor: null,
    model: {
      type: "BPE",
      vocab: Object.fromEntries(ids),
      merges,
      unk_token: "<unk>",
      fuse_unk: true,
      byte_fallback: false,
    },
  });
  answers = await yesNoIds(tokenizer, prompt);
  sent = (await tokenizer.encode(prompt)).length;
  tokens = { kind: "tokens", tokenizer, answers, maxTokens: 200 };
});

const servers: FakeServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
const textAsked = (yes: AnswerWords = " Yes", no: AnswerWords = " No"): RemoteAsking => ({
  kind: "text",
  yes,
  no,
});

async function answered(
  asking: RemoteAsking,
  body: unknown,
  text = prompt,
): Promise<{ scores: Promise<RemoteScores>; server: FakeServer }> {
  const server = await fakeServer((_, response) =>
    typeof body === "string" ? void response.end(body) : json(response, body),
  );
  servers.push(server);
  const scorer = createRemoteScorer({
    server: connectServer({ baseUrl: server.url, firstDelayMs: 1, retries: 1 }),
    model: "base",
    asking,
  });
  return { server, scores: scorer.scores([text]) };
}

const difference = async (asking: RemoteAsking, body: unknown): Promise<number> =>
  (await (await answered(asking, body)).scores).logitDifference[0]!;

/** Is thrown at once, for asking again would change nothing. */
async function refused(asking: RemoteAsking, body: unknown, code: string, message: RegExp): Promise<void> {
  const { scores, server } = await answered(asking, body);
  await expect(scores).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  expect(server.requests).toHaveLength(1);
}

/** llama.cpp's layout. */
const content = (top: readonly { id?: number; token: string; logprob: number | null }[]): unknown => ({
  choices: [{ text: "x", logprobs: { content: [{ top_logprobs: top }] } }],
});

describe("tokens of the same text", () => {
  test("are told apart by the space that SentencePiece writes into them", async () => {
    expect(await tokenizer.decode([answers.yes])).toBe("Yes");
    expect(tokenizer.tokenOf(answers.yes)).toBe("▁Yes");
    expect(await difference(tokens, completion({ " Yes": -0.2, " No": -1.8, Yes: -6, No: -5 }))).toBeCloseTo(
      1.6,
    );
    expect(await difference(tokens, completion({ " Yes": -0.2, " No": -1.8, "\n": -3 }))).toBeCloseTo(1.6);
    // In the vocabulary's own spelling.
    expect(await difference(tokens, completion({ "▁Yes": -0.2, "▁No": -1.8, Yes: -6, No: -5 }))).toBeCloseTo(
      1.6,
    );
    const plain = { ...answers, yes: tokenizer.idOf("Yes")!, no: tokenizer.idOf("No")! };
    const asking: RemoteAsking = { kind: "tokens", tokenizer, answers: plain, maxTokens: 200 };
    expect(await difference(asking, completion({ " Yes": -0.2, " No": -1.8, Yes: -6, No: -5 }))).toBeCloseTo(
      -1,
    );
  });

  test("are told apart by ids, where the server has them", async () => {
    const top = [
      { id: answers.yes, token: "Yes", logprob: -0.2 },
      { id: answers.no, token: "No", logprob: -1.8 },
      { id: tokenizer.idOf("Yes")!, token: "Yes", logprob: -6 },
      { id: tokenizer.idOf("No")!, token: "No", logprob: -5 },
    ];
    expect(await difference(tokens, content(top))).toBeCloseTo(1.6);
    // Asked by text, the most probable one of a text counts, in whatever order they come.
    expect(await difference(textAsked("Yes", "No"), content(top))).toBeCloseTo(1.6);
    expect(await difference(textAsked("Yes", "No"), content(top.toReversed()))).toBeCloseTo(1.6);
    await refused(
      textAsked(),
      content(top),
      "llm/remote-label",
      /"Yes" and "No" without the space may be others/,
    );
  });

  test("are an error where the server drops the space", async () => {
    const dropped = completion({ Yes: -0.2, No: -1.8, "\n": -3 });
    await refused(textAsked(), dropped, "llm/remote-label", /without the space/);
    await refused(tokens, dropped, "llm/remote-label", /without the space/);
  });
});

test("only the white space that the answers begin with is cut from a prompt", async () => {
  const asked = async (asking: RemoteAsking, text: string): Promise<unknown> => {
    const { scores, server } = await answered(
      asking,
      completion({ Yes: -1, No: -2, " Yes": -1, " No": -2 }),
      text,
    );
    await scores;
    return server.requests[0]!.body["prompt"];
  };
  expect(await asked(textAsked("Yes", "No"), "### Response:\n")).toBe("### Response:\n");
  expect(await asked(textAsked(), "### Response:\n")).toBe("### Response:\n");
  expect(await asked(textAsked("Yes", "No"), "Answer: ")).toBe("Answer: ");
  expect(await asked(textAsked(), "Answer: ")).toBe("Answer:");
});

describe("a prompt that the server did not read as it was sent", () => {
  const good = (more: object): object => ({
    ...(completion({ " Yes": -0.2, " No": -1.8 }) as object),
    ...more,
  });

  test.each<[string, object, RegExp]>([
    ["counted", { usage: { prompt_tokens: 4 } }, /read 4 tokens of a prompt that has at least/],
    ["said", { truncated: true }, /says that it cut the prompt/],
    ["said elsewhere", { __verbose: { truncated: true } }, /says that it cut the prompt/],
  ])("because it cut it, as it %s", async (_, more, message) => {
    await refused(tokens, good(more), "llm/remote-prompt", message);
    await refused(textAsked(), good(more), "llm/remote-prompt", message);
  });

  test("because it took the ids of one for several prompts", async () => {
    const { choices } = good({}) as { choices: object[] };
    const several = { choices: choices.concat(choices) };
    await refused(tokens, several, "llm/remote-prompt", /answered 2 prompts in place of one/);
  });

  test("because it added to it", async () => {
    await refused(tokens, good({ usage: { prompt_tokens: sent + 1 } }), "llm/remote-prompt", /has \d+\.$/);
  });

  test("is none where it read all, or does not count", async () => {
    for (const usage of [
      { prompt_tokens: sent, completion_tokens: 1 },
      { prompt_tokens: 0 },
      { prompt_tokens: null },
      null,
    ])
      expect(await difference(tokens, good({ usage, truncated: false }))).toBeCloseTo(1.6);
    // The server's own tokenizer has as many tokens as it likes, but one a word at least.
    for (const read of [6, 60])
      expect(await difference(textAsked(), good({ usage: { prompt_tokens: read } }))).toBeCloseTo(1.6);
  });
});

describe("an answer with status 200 that is none", () => {
  test("says what the server says, at once", async () => {
    const words = "the request exceeds the available context size";
    for (const body of [
      { error: { code: 400, message: words, type: "exceed_context_size_error" } },
      { object: "error", message: words, code: 40303 },
      { error: words },
    ])
      await refused(
        tokens,
        body,
        "llm/remote-status",
        new RegExp(`answered 200 with an error: ${words}\\.$`),
      );
  });

  test("is asked for again where the error passes", async () => {
    const { scores, server } = await answered(tokens, { error: { code: 503, message: "Loading model" } });
    await expect(scores).rejects.toThrow(/Loading model, after 2 attempts/);
    expect(server.requests).toHaveLength(2);
  });

  test("shows what came, where it is damaged", async () => {
    const { scores } = await answered(tokens, "<html>Sign in</html>");
    await expect(scores).rejects.toThrow(/damaged \(not JSON\): <html>Sign in<\/html>/);
  });
});

describe("log probabilities that are none", () => {
  test("a label that is reported alone bounds nothing", async () => {
    for (const alone of [
      completion({ " Yes": 0 }),
      content([{ id: answers.yes, token: " Yes", logprob: 0 }]),
    ])
      await refused(tokens, alone, "llm/remote-label", /" No" is not among the 1 most probable/);
  });

  const top = (text: string): string => `{"choices":[{"logprobs":{"top_logprobs":[${text}]}}]}`;

  test.each(["", "null", "{}"])("the list is empty: [%s]", async (list) => {
    await refused(tokens, top(list), "llm/remote-logprobs", /reports no log probabilities/);
  });

  test("an answer is impossible", async () => {
    for (const value of ["-Infinity", "null", "NaN"])
      await refused(
        tokens,
        top(`{" Yes":-0.01," No":${value}}`),
        "llm/remote-label",
        /gives the answer " No" no prob/,
      );
    await refused(
      tokens,
      content([
        { id: answers.yes, token: "?", logprob: null },
        { id: answers.no, token: "?", logprob: -1 },
      ]),
      "llm/remote-label",
      /gives the answer " Yes" no probability/,
    );
  });

  test("another token is impossible, or is spelled like what JSON lacks: no matter", async () => {
    const body = top(String.raw`{" Yes":-0.2," No":-1.8,"-Infinity":-5,"a\"NaN":-6,"<pad>":-Infinity}`);
    expect(await difference(tokens, body)).toBeCloseTo(1.6);
    // The bound is the least probable token that is possible.
    const bounded = await (await answered(tokens, top(`{" Yes":-0.2," The":-4,"<pad>":-Infinity}`))).scores;
    expect(bounded.logitDifference[0]).toBeCloseTo(3.8);
    expect(bounded.bounded).toBe(1);
  });

  test("they are probabilities", async () => {
    await refused(tokens, top(`{" Yes":0.9," No":0.1}`), "llm/remote-logprobs", /reports 0\.9 for " Yes"/);
  });
});

describe("words that say the same", () => {
  const together = Math.log(Math.exp(-1) + Math.exp(-2)) - Math.log(Math.exp(-3) + Math.exp(-4));
  const top = { " Yes": -1, Yes: -2, " No": -3, No: -4, "\n": -5 };

  test("their probabilities are added, asked as tokens and as text", async () => {
    const variants = { yes: [tokenizer.idOf("Yes")!], no: [tokenizer.idOf("No")!] };
    const asking: RemoteAsking = {
      kind: "tokens",
      tokenizer,
      answers: { ...answers, variants },
      maxTokens: 200,
    };
    expect(await difference(asking, completion(top))).toBeCloseTo(together);
    const byId = Object.entries({
      [answers.yes]: -1,
      [variants.yes[0]!]: -2,
      [answers.no]: -3,
      [variants.no[0]!]: -4,
    });
    const named = byId.map(([id, logprob]) => ({ id: Number(id), token: "?", logprob }));
    expect(await difference(asking, content(named))).toBeCloseTo(together);
    expect(await difference(textAsked([" Yes", "Yes", "Yes"], [" No", "No"]), completion(top))).toBeCloseTo(
      together,
    );
  });

  test("one that is not reported, or forbidden, adds nothing; an answer without any is a bound", async () => {
    const words = textAsked([" Yes", "yes"], [" No", "no"]);
    expect(await difference(words, completion(top))).toBeCloseTo(2);
    expect(
      await difference(
        words,
        content([
          { token: " Yes", logprob: -1 },
          { token: "yes", logprob: null },
          { token: " No", logprob: -3 },
        ]),
      ),
    ).toBeCloseTo(2);
    const { scores } = await answered(words, completion({ " Yes": -1, "\n": -6 }));
    const { logitDifference, bounded } = await scores;
    expect([logitDifference[0]!, bounded]).toEqual([expect.closeTo(-1 - (-6 + Math.log(2)), 5), 1]);
  });
});
