import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { trainTokenizer, yesNoIds, type TextTokenizer, type YesNoIds } from "../../index.ts";
import { connectServer, createRemoteScorer, type RemoteScorer } from "../../remote.ts";
import { fakeServer, json, status, type Behaviour, type FakeServer } from "./fake-server.test-helper.ts";

// Answers to one and the same question in every shape that servers have been seen to give them.
const prompts = ["The user liked Iron. Paper? Answer:", "The user liked Iron. Harbor? Answer:"];
let tokenizer: TextTokenizer;
let answers: YesNoIds;
const servers: FakeServer[] = [];

beforeAll(async () => {
  tokenizer = await trainTokenizer([...prompts, " Yes No Yes No"], { vocabularySize: 300 });
  answers = await yesNoIds(tokenizer, prompts[0]!);
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function scorerOf(
  usual: Behaviour,
  missingLabel?: "bound" | "error",
): Promise<{ scorer: RemoteScorer; server: FakeServer }> {
  const server = await fakeServer(usual);
  servers.push(server);
  const scorer = createRemoteScorer({
    server: connectServer({ baseUrl: server.url, firstDelayMs: 1, retries: 1, concurrency: 1 }),
    model: "base",
    asking: { kind: "tokens", tokenizer, answers, maxTokens: 100 },
    missingLabel,
  });
  return { scorer, server };
}

/** A completion of vLLM's with everything it writes into one. */
function vllm(byId: Readonly<Record<number, number>>, more: object = {}): object {
  const named = Object.fromEntries(Object.entries(byId).map(([id, value]) => [`token_id:${id}`, value]));
  const [chosen] = Object.keys(named);
  return {
    id: "cmpl-7b1e",
    object: "text_completion",
    created: 1795000000,
    model: "base",
    choices: [
      {
        index: 0,
        text: " ",
        logprobs: {
          text_offset: [0],
          token_logprobs: [Object.values(named)[0]],
          tokens: [chosen],
          top_logprobs: [named],
        },
        finish_reason: "length",
        stop_reason: null,
        prompt_logprobs: null,
      },
    ],
    ...more,
  };
}

/** The twenty most probable tokens, from -0.1 downwards by 0.5; none of the answers but those given. */
function topTwenty(labels: Readonly<Record<number, number>>): Record<number, number> {
  const others = Array.from({ length: 300 }, (_, id) => id).filter(
    (id) => id !== answers.yes && id !== answers.no,
  );
  const kept = others.slice(0, 20 - Object.keys(labels).length);
  return { ...labels, ...Object.fromEntries(kept.map((id, i) => [id, -0.1 - i / 2])) };
}

/** What a server does that knows the field: the token that it chose and those that were asked for, whatever their rank. */
const knows: Behaviour = ({ body }, response) => {
  const [yes, no] = body["logprob_token_ids"] as [number, number];
  json(response, vllm({ 2: -0.0003, [yes]: -9.25, [no]: -11.5 }));
};

describe("a server that knows the field of token ids", () => {
  test("gives both log probabilities exactly, however improbable both are", async () => {
    const { scorer, server } = await scorerOf(knows);
    const { logitDifference, bounded } = await scorer.scores(prompts);
    expect([...logitDifference]).toEqual([2.25, 2.25]);
    expect(bounded).toBe(0);
    expect(server.requests).toHaveLength(2);
    for (const { body } of server.requests)
      expect(body).toMatchObject({
        logprob_token_ids: [answers.yes, answers.no],
        logprobs: 20,
        stream: false,
        return_tokens_as_token_ids: true,
      });
  });

  test("does so too where the token that it chose is one of the answers", async () => {
    const { scorer } = await scorerOf((_, response) =>
      json(response, vllm({ [answers.no]: -0.2, [answers.yes]: -7.2 })),
    );
    expect((await scorer.scores(prompts)).logitDifference[0]).toBeCloseTo(-7, 5);
  });

  test("bounds nothing where it leaves one out: what it reports are not the most probable tokens", async () => {
    const { scorer } = await scorerOf((_, response) => json(response, vllm({ 2: -0.01, [answers.yes]: -6 })));
    await expect(scorer.scores(prompts)).rejects.toMatchObject({ code: "llm/remote-label" });
  });

  test("has the tokens of every word that says the same asked for", async () => {
    const server = await fakeServer(({ body }, response) => {
      const ids = body["logprob_token_ids"] as number[];
      json(response, vllm(Object.fromEntries(ids.map((id, i) => [id, -1 - i]))));
    });
    servers.push(server);
    const variants = { yes: [tokenizer.idOf("Y")!], no: [tokenizer.idOf("N")!] };
    const scorer = createRemoteScorer({
      server: connectServer({ baseUrl: server.url }),
      model: "base",
      asking: { kind: "tokens", tokenizer, answers: { ...answers, variants }, maxTokens: 100 },
    });
    const { logitDifference } = await scorer.scores([prompts[0]!]);
    expect(logitDifference[0]).toBeCloseTo(
      Math.log(Math.exp(-1) + Math.exp(-2)) - Math.log(Math.exp(-3) + Math.exp(-4)),
      5,
    );
  });
});

describe("a server that ignores the field", () => {
  test("gives its most probable tokens: exact with both answers among them", async () => {
    const { scorer, server } = await scorerOf((_, response) =>
      json(response, vllm(topTwenty({ [answers.yes]: -0.5, [answers.no]: -1.75 }))),
    );
    const { logitDifference, bounded } = await scorer.scores(prompts);
    expect([...logitDifference]).toEqual([1.25, 1.25]);
    expect(bounded).toBe(0);
    expect(server.requests).toHaveLength(2);
  });

  test("one answer absent stands at the least probable of the twenty, and is counted", async () => {
    const { scorer } = await scorerOf((_, response) =>
      json(response, vllm(topTwenty({ [answers.yes]: -0.5 }))),
    );
    const { logitDifference, bounded } = await scorer.scores(prompts);
    // The last of 19 others: -0.1 - 18 / 2.
    expect(logitDifference[0]).toBeCloseTo(-0.5 + 9.1, 5);
    expect(bounded).toBe(2);
    const strict = await scorerOf(
      (_, response) => json(response, vllm(topTwenty({ [answers.yes]: -0.5 }))),
      "error",
    );
    await expect(strict.scorer.scores(prompts)).rejects.toMatchObject({ code: "llm/remote-label" });
  });

  test("both absent is an error: neither side bounds the other", async () => {
    const { scorer } = await scorerOf((_, response) => json(response, vllm(topTwenty({}))));
    await expect(scorer.scores(prompts)).rejects.toMatchObject({
      code: "llm/remote-label",
      message: expect.stringContaining("20 most probable"),
    });
  });
});

describe("a server that refuses the field", () => {
  test.each([
    [
      400,
      '{"object":"error","message":"Unrecognized request argument supplied: logprob_token_ids","code":400}',
    ],
    [422, '{"detail":[{"type":"extra_forbidden","loc":["body","logprob_token_ids"]}]}'],
  ])("with status %d is asked without it from then on", async (code, text) => {
    const { scorer, server } = await scorerOf((request, response) =>
      "logprob_token_ids" in request.body
        ? status(code, text)(request, response)
        : json(response, vllm(topTwenty({ [answers.yes]: -0.5, [answers.no]: -1.75 }))),
    );
    expect([...(await scorer.scores(prompts)).logitDifference]).toEqual([1.25, 1.25]);
    await scorer.scores(prompts);
    const withField = server.requests.map(({ body }) => "logprob_token_ids" in body);
    // Only the very first request had it.
    expect(withField).toEqual([true, false, false, false, false]);
  });

  test("is not one that finds another fault: the field is sent again afterwards", async () => {
    const { scorer, server } = await scorerOf(knows);
    server.next(status(400, "maximum context length"), status(400, "maximum context length"));
    await expect(scorer.scores([prompts[0]!])).rejects.toThrow(/maximum context length/);
    expect((await scorer.scores([prompts[0]!])).logitDifference[0]).toBe(2.25);
  });
});

test("a server that streams all the same is no answer, and its words are shown", async () => {
  const { scorer } = await scorerOf(
    (_, response) => void response.end('data: {"choices":[{"index":0,"text":" Yes"}]}\n\ndata: [DONE]\n\n'),
  );
  await expect(scorer.scores(prompts)).rejects.toMatchObject({
    code: "llm/remote-answer",
    message: expect.stringContaining("data: [DONE]"),
  });
});

test("prompts that begin alike are sent one after another, and answers come in the order of the prompts", async () => {
  const users = ["Ann liked Iron.", "Bob liked Harbor.", "Cid liked Paper."];
  const items = ["Lantern", "Orchard", "River"];
  const mixed = items.flatMap((item) => users.map((user) => `${user} ${item}? Answer:`));
  const ids = await tokenizer.encodeBatch(mixed);
  const placeOf = new Map(ids.map((tokens, place) => [tokens.join(), place]));
  const { scorer, server } = await scorerOf(({ body }, response) => {
    const place = placeOf.get((body["prompt"] as number[]).join())!;
    json(response, vllm({ [answers.yes]: -place, [answers.no]: -10 }));
  });
  const { logitDifference } = await scorer.scores(mixed);
  expect([...logitDifference]).toEqual(mixed.map((_, place) => 10 - place));
  const sent = server.requests.map(({ body }) => placeOf.get((body["prompt"] as number[]).join())! % 3);
  // Each user once, in a run of three.
  expect(sent.filter((user, i) => user !== sent[i - 1])).toHaveLength(3);
});
