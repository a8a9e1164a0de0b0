import { setTimeout as pause } from "node:timers/promises";
import { initialValues, onnxRuntime, type Inference, type Values } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import {
  connectServer,
  createRemoteScorer,
  loadRemoteAdapter,
  unloadRemoteAdapter,
  type RemoteScorer,
  type RemoteScorerOptions,
  type RemoteServerOptions,
} from "../../remote.ts";
import {
  createScorer,
  decoder,
  paddedFeeds,
  tinyLlamaConfig,
  trainTokenizer,
  yesNoIds,
  type TextTokenizer,
  type YesNoIds,
} from "../../index.ts";
import { backoffMs, retryAfterMs } from "./backoff.ts";
import {
  completion,
  fakeServer,
  json,
  status,
  type Behaviour,
  type FakeServer,
} from "./fake-server.test-helper.ts";

const servers: FakeServer[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const server of servers.splice(0)) await server.close();
});

const certain: Behaviour = (_, response) =>
  json(response, completion({ " Yes": -0.1, " No": -2.4, " The": -9 }));

async function started(usual: Behaviour = certain): Promise<FakeServer> {
  const server = await fakeServer(usual);
  servers.push(server);
  return server;
}

/** Waits are short, so that the tests are. */
function scorerOf(
  fake: FakeServer,
  server: Partial<RemoteServerOptions> = {},
  options: Partial<RemoteScorerOptions> = {},
): RemoteScorer {
  return createRemoteScorer({
    server: connectServer({
      baseUrl: fake.url,
      firstDelayMs: 1,
      longestDelayMs: 50,
      timeoutMs: 1000,
      ...server,
    }),
    model: "base",
    asking: { kind: "text", yes: " Yes", no: " No" },
    ...options,
  });
}

/** softmax over the two labels: 1 / (1 + exp(-(logYes - logNo))) */
const expected = 1 / (1 + Math.exp(-2.3));

describe("a server that misbehaves", () => {
  const passing: Record<string, Behaviour> = {
    "an internal error": status(500, "oops"),
    "a gateway error": status(503),
    "a truncated answer": (_, response) => void response.end('{"choices":[{"logprobs":{"top_lo'),
    "an answer of another shape": (_, response) => json(response, { choices: [] }),
    "a connection that breaks": (_, response) => void response.destroy(),
    "a body that breaks": (_, response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write('{"choices"', () => response.destroy());
    },
    "a full queue": status(429, "", { "retry-after": "0.01" }),
  };
  test.each(Object.entries(passing))("is asked again after %s", async (_, behaviour) => {
    const fake = await started();
    fake.next(behaviour, behaviour);
    const [probability] = await scorerOf(fake).score(["Q: "]);
    expect(probability).toBeCloseTo(expected, 6);
    expect(fake.requests.length).toBe(3);
  });

  test("is waited for as long as it asks, unless that is too long", async () => {
    const fake = await started();
    fake.next(status(429, "", { "retry-after": "0.3" }));
    const began = performance.now();
    await scorerOf(fake, { longestDelayMs: 500 }).score(["Q"]);
    expect(performance.now() - began).toBeGreaterThanOrEqual(295);
    fake.next(status(429, "queue is full", { "retry-after": "3600" }));
    await expect(scorerOf(fake).score(["Q"])).rejects.toMatchObject({
      code: "llm/remote-busy",
      message: "The server answered 429: queue is full.",
    });
  });

  test("is given up after the last attempt", async () => {
    const fake = await started(status(502, "bad gateway"));
    await expect(scorerOf(fake, { retries: 2 }).score(["Q"])).rejects.toMatchObject({
      code: "llm/remote-status",
      message: "The server answered 502: bad gateway, after 3 attempts.",
      place: `${fake.url}/completions`,
    });
    expect(fake.requests.length).toBe(3);
  });

  test("is not asked again when the request is at fault", async () => {
    const fake = await started(status(404, '{"message":"The model `base` does not exist."}'));
    await expect(scorerOf(fake).score(["Q"])).rejects.toThrow(/404.*does not exist/);
    expect(fake.requests.length).toBe(1);
  });

  test("that hangs is left after the time-out", async () => {
    const fake = await started(() => undefined);
    await expect(scorerOf(fake, { timeoutMs: 400, retries: 1 }).score(["Q"])).rejects.toMatchObject({
      code: "llm/remote-timeout",
    });
    expect(fake.requests.length).toBe(2);
  });

  test("that is not there is an error of its own", async () => {
    const fake = await started();
    await fake.close();
    await expect(scorerOf(fake, { retries: 1 }).score(["Q"])).rejects.toMatchObject({
      code: "llm/remote-unreachable",
      message: expect.stringContaining("ECONNREFUSED"),
    });
  });

  test("that fails one prompt ends the call, and the others are not sent any more", async () => {
    const fake = await started(({ body }, response) => {
      if (body["prompt"] === "A bad one") response.writeHead(400).end("too long");
      else setTimeout(() => json(response, completion({ " Yes": -1, " No": -1 })), 20);
    });
    const prompts = Array.from({ length: 200 }, (_, i) => (i === 3 ? "A bad one" : `Q${i}`));
    await expect(scorerOf(fake, { concurrency: 4 }).score(prompts)).rejects.toThrow(/400: too long/);
    expect(fake.requests.length).toBeLessThan(20);
  });
});

test("an abort ends the call at once with the signal's reason, also while it waits", async () => {
  for (const behaviour of [(() => undefined) as Behaviour, status(503, "", { "retry-after": "20" })]) {
    const fake = await started(behaviour);
    const abort = new AbortController();
    setTimeout(() => abort.abort(new Error("enough")), 50);
    const began = performance.now();
    const call = scorerOf(fake, { longestDelayMs: 60_000, timeoutMs: 60_000 }).score(
      ["Q", "R"],
      abort.signal,
    );
    await expect(call).rejects.toThrow("enough");
    expect(performance.now() - began).toBeLessThan(2000);
  }
  const fake = await started();
  await expect(scorerOf(fake).score(["Q"], AbortSignal.abort(new Error("early")))).rejects.toThrow("early");
  expect(fake.requests.length).toBe(0);
});

test("no more requests than allowed are under way, over all calls; answers keep the prompts' order", async () => {
  let active = 0;
  let busiest = 0;
  let release = (): void => {};
  const three = new Promise<void>((resolve) => (release = resolve));
  const fake = await started(async ({ body }, response) => {
    active += 1;
    busiest = Math.max(busiest, active);
    if (busiest === 3) release();
    await three;
    const number = Number(String(body["prompt"]).slice(1));
    await pause((number * 7) % 5);
    active -= 1;
    json(response, completion({ " Yes": -number / 100, " No": -1 }));
  });
  const scorer = scorerOf(fake, { concurrency: 3 });
  const prompts = Array.from({ length: 30 }, (_, i) => `Q${i}`);
  const [first, second] = await Promise.all([scorer.scores(prompts), scorer.scores(prompts)]);
  expect(busiest).toBe(3);
  first.logitDifference.forEach((difference, i) => expect(difference).toBeCloseTo(1 - i / 100, 5));
  expect(second).toEqual(first);
});

describe("the key", () => {
  test("comes from the environment and is in no error, even if the server repeats it", async () => {
    vi.stubEnv("CORELLA_TEST_KEY", "sk-secret-1");
    const fake = await started(
      ({ headers }, response) =>
        void response.writeHead(401).end(`wrong key: ${headers.authorization ?? ""}`),
    );
    const error = await scorerOf(fake, { apiKeyVariable: "CORELLA_TEST_KEY" })
      .score(["Q"])
      .then(
        () => undefined,
        (reason: unknown) => reason,
      );
    expect(fake.requests[0]!.headers.authorization).toBe("Bearer sk-secret-1");
    expect(CorellaError.isInstance(error) && error.message).toBe(
      "The server answered 401: wrong key: Bearer ***.",
    );
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("secret");
  });

  test("must be there when it is named, and not in the address", async () => {
    const baseUrl = "http://localhost:1/v1";
    expect(() => connectServer({ baseUrl, apiKeyVariable: "CORELLA_NO_SUCH_KEY" })).toThrow(
      expect.objectContaining({ code: "llm/remote-key" }),
    );
    for (const wrong of ["localhost:8000", "http://me:secret@localhost/v1", "ftp://localhost"])
      expect(() => connectServer({ baseUrl: wrong })).toThrow(
        expect.objectContaining({ code: "llm/remote-url", message: expect.not.stringContaining("secret") }),
      );
  });
});

describe("a label that the server does not report", () => {
  const oneSided: Behaviour = (_, response) =>
    json(response, completion({ " Yes": -0.5, " The": -3, " A": -4 }));

  test("stands at the smallest probability that is reported, and is counted", async () => {
    const scores = await scorerOf(await started(oneSided)).scores(["Q", "R"]);
    expect(scores.bounded).toBe(2);
    expect(scores.logitDifference[0]).toBeCloseTo(3.5, 6);
    const certainly = await scorerOf(await started()).scores(["Q"]);
    expect(certainly.bounded).toBe(0);
  });

  test("is an error where that is asked for, or when the other is missing too", async () => {
    const strict = scorerOf(await started(oneSided), {}, { missingLabel: "error" });
    await expect(strict.score(["Q"])).rejects.toMatchObject({
      code: "llm/remote-label",
      message: expect.stringContaining('" No" is not among the 3 most probable'),
      place: "prompt 0",
    });
    const silent = await started((_, response) => json(response, completion({ " The": -1 })));
    await expect(scorerOf(silent).score(["Q"])).rejects.toThrow(/" Yes" and " No" are not among the 1/);
  });

  test("is not confused with a server that reports nothing", async () => {
    const fake = await started((_, response) =>
      json(response, { choices: [{ text: " Yes", logprobs: null }] }),
    );
    await expect(scorerOf(fake).score(["Q"])).rejects.toMatchObject({ code: "llm/remote-logprobs" });
    expect(fake.requests.length).toBe(1);
  });
});

test("text loses the white space that belongs to the answers; further fields are sent", async () => {
  const fake = await started();
  const lora = [{ id: 0, scale: 1 }];
  await scorerOf(fake, {}, { extraFields: { lora } }).score(["Answer: "]);
  expect(fake.requests[0]).toMatchObject({
    path: "/v1/completions",
    body: { model: "base", prompt: "Answer:", max_tokens: 1, temperature: 0, logprobs: 20, lora },
  });
});

describe("adapters on vLLM", () => {
  test("are loaded and replaced; what is so already is no error", async () => {
    const fake = await started(
      (_, response) => void response.end("Success: LoRA adapter 'tuned' added successfully."),
    );
    const server = connectServer({ baseUrl: fake.url, firstDelayMs: 1 });
    const adapter = { name: "tuned", folder: "/adapters/tuned" };
    await loadRemoteAdapter(server, adapter);
    fake.next(status(400, "The lora adapter 'tuned' has already been loaded."));
    await loadRemoteAdapter(server, adapter);
    fake.next(status(404, "The lora adapter 'tuned' cannot be found: not found."));
    await loadRemoteAdapter(server, { ...adapter, replace: true });
    await unloadRemoteAdapter(server, "tuned");
    expect(fake.requests.map(({ path, body }) => [path, body])).toEqual([
      ["/v1/load_lora_adapter", { lora_name: "tuned", lora_path: "/adapters/tuned" }],
      ["/v1/load_lora_adapter", { lora_name: "tuned", lora_path: "/adapters/tuned" }],
      ["/v1/unload_lora_adapter", { lora_name: "tuned" }],
      ["/v1/load_lora_adapter", { lora_name: "tuned", lora_path: "/adapters/tuned" }],
      ["/v1/unload_lora_adapter", { lora_name: "tuned" }],
    ]);
    fake.next(status(400, "No adapter found for /adapters/tuned"));
    await expect(loadRemoteAdapter(server, adapter)).rejects.toThrow(/No adapter found/);
  });
});

describe("a server with the same model", () => {
  const config = tinyLlamaConfig({
    vocabularySize: 300,
    hiddenSize: 16,
    layers: 2,
    heads: 4,
    maxPositions: 64,
  });
  const prompts = ["Paper Harbor. Answer: ", "The Silent </s> Orchard <s>. Answer: ", "Iron. Answer: "];
  let tokenizer: TextTokenizer;
  let answers: YesNoIds;
  let values: Values;
  let vocabulary: Inference;
  beforeAll(async () => {
    tokenizer = await trainTokenizer([...prompts, " Yes No Yes No"], { vocabularySize: 300 });
    answers = await yesNoIds(tokenizer, prompts[0]!);
    const part = decoder(config, { answers });
    values = initialValues(part, 5);
    vocabulary = await onnxRuntime().infer(
      { ...part, forward: (scope) => ({ outputs: { logits: part.forward(scope).logitsLast() } }) },
      values,
    );
  });

  /** The log probabilities of the next token, most probable first. */
  async function nextTokens(prompt: number[]): Promise<{ id: number; logprob: number }[]> {
    const { logits } = await vocabulary.run(paddedFeeds([prompt]));
    const all = Array.from(logits!.data);
    const total = Math.log(all.reduce((sum, logit) => sum + Math.exp(logit), 0));
    return all.map((logit, id) => ({ id, logprob: logit - total })).sort((a, b) => b.logprob - a.logprob);
  }

  const layouts: Record<string, (top: { id: number; logprob: number }[]) => unknown> = {
    vLLM: (top) => completion(Object.fromEntries(top.map(({ id, logprob }) => [`token_id:${id}`, logprob]))),
    "llama.cpp": (top) => ({
      choices: [{ logprobs: { content: [{ top_logprobs: top.map((next) => ({ ...next, token: "?" })) }] } }],
    }),
  };
  test.each(Object.entries(layouts))(
    "answers as the model does here, in the layout of %s",
    async (_, layout) => {
      const fake = await started(async ({ body }, response) =>
        json(
          response,
          layout((await nextTokens(body["prompt"] as number[])).slice(0, body["logprobs"] as number)),
        ),
      );
      const local = await createScorer({ config, values, tokenizer, answers, runtime: onnxRuntime() });
      const remote = scorerOf(
        fake,
        {},
        { asking: { kind: "tokens", tokenizer, answers, maxTokens: 64 }, topLogprobs: 300 },
      );
      const ours = await local.scores(prompts);
      const theirs = await remote.scores(prompts);
      await local.dispose();
      expect(theirs.bounded).toBe(0);
      prompts.forEach((_prompt, i) => {
        expect(theirs.logitDifference[i]).toBeCloseTo(ours.logitDifference[i]!, 5);
        expect(theirs.probability[i]).toBeCloseTo(ours.probability[i]!, 6);
      });
      // The text's own "</s>" and "<s>" are characters; only the tokenizer's first token is special.
      for (const { body } of fake.requests)
        expect((body["prompt"] as number[]).filter((id) => id < 3)).toEqual([1]);
      await expect(
        scorerOf(fake, {}, { asking: { kind: "tokens", tokenizer, answers, maxTokens: 4 } }).score(prompts),
      ).rejects.toMatchObject({ code: "llm/prompt-too-long" });
    },
  );
});

test("a disposed scorer says so", async () => {
  const scorer = scorerOf(await started());
  await scorer.dispose();
  await expect(scorer.score(["Q"])).rejects.toMatchObject({ code: "llm/remote-disposed" });
});

test("waits double, are random and never longer than the longest", () => {
  expect([1, 2, 3, 8].map((tries) => backoffMs(tries, 100, 1000, 0.5))).toEqual([50, 100, 200, 500]);
  expect(backoffMs(3, 100, 1000, 0)).toBe(0);
  expect(retryAfterMs("2", 0)).toBe(2000);
  expect(retryAfterMs("Thu, 01 Jan 1970 00:00:05 GMT", 3000)).toBe(2000);
  expect(retryAfterMs("Thu, 01 Jan 1970 00:00:01 GMT", 3000)).toBe(0);
  expect(retryAfterMs("soon", 0)).toBeUndefined();
  expect(retryAfterMs(null, 0)).toBeUndefined();
});
