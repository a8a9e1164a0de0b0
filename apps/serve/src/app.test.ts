import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createPredictor, type Predictor } from "@corella/bundle";
import { CorellaError } from "@corella/errors";
import type { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { pCrmOf, post, world } from "./world.test-helper.ts";

describe("scoring", () => {
  test("an easy sample is the CRM's, a hard one the LLM's", async () => {
    const { app, toLlm } = world();
    const [status, easy] = await post(app, { user: "ann", item: "2" });
    expect(status).toBe(200);
    // -0.9375 ln 0.9375 - 0.0625 ln 0.0625
    expect(easy).toEqual({
      probability: 0.9375,
      route: "crm",
      entropy: expect.closeTo(0.2338, 4) as number,
      pCrm: 0.9375,
      latencyMs: expect.any(Number) as number,
    });
    expect(toLlm).toEqual([]);
    const [, hard] = await post(app, { user: "ann", item: "1" });
    expect(hard).toMatchObject({ probability: 0.25, route: "llm", pCrm: 0.5, pLlm: 0.25 });
  });

  test("a list is answered in its order", async () => {
    const { app, toLlm } = world();
    const samples = ["2", "1", "2", "1"].map((item) => ({ user: "ann", item }));
    const [, { predictions, latencyMs }] = await post(app, { samples });
    expect(predictions!.map(({ route }) => route)).toEqual(["crm", "llm", "crm", "llm"]);
    expect(latencyMs).toBeGreaterThan(0);
    expect(toLlm.map((batch) => batch.length)).toEqual([2]);
  });

  test("the sender may keep the LLM out, or ask it always", async () => {
    const { app, toLlm } = world();
    expect((await post(app, { item: "1", llm: "never" }))[1]).toMatchObject({
      probability: 0.5,
      route: "crm",
    });
    expect(toLlm).toEqual([]);
    expect((await post(app, { item: "2", llm: "always" }))[1]).toMatchObject({
      probability: 0.25,
      route: "llm",
    });
  });

  test("what is left out comes from the bundle", async () => {
    const { app, toCrm } = world();
    await post(app, { user: "ann", item: "2" });
    expect(toCrm.at(-1)).toEqual([
      {
        user: "ann",
        item: "2",
        userAttributes: { age: 30 },
        history: [
          { item: "1", rating: 4, time: 100 },
          { item: "2", rating: 3, time: 200 },
        ],
      },
    ]);
    // Strictly before the time that is asked about.
    await post(app, { user: "ann", item: "2", time: 200 });
    expect(toCrm.at(-1)![0]!.history).toEqual([{ item: "1", rating: 4, time: 100 }]);
  });

  test("what is sent is used as it is, but oldest first", async () => {
    const { app, toCrm } = world();
    const sample = {
      user: "ann",
      item: "9",
      userAttributes: { age: 31 },
      itemAttributes: { title: "Nine", genres: ["War"], year: 1999 },
      time: 300,
    };
    const history = [
      { item: "2", rating: 1, time: 250 },
      { item: "1", rating: 2, time: 240 },
    ];
    const [, answer] = await post(app, { ...sample, history });
    expect(toCrm.at(-1)).toEqual([{ ...sample, history: history.toReversed() }]);
    expect(answer).not.toHaveProperty("unknownItem");
    // Without times there is nothing to order by.
    const untimed = [
      { item: "2", rating: 1 },
      { item: "1", rating: 2 },
    ];
    await post(app, { ...sample, history: untimed });
    expect(toCrm.at(-1)![0]!.history).toEqual(untimed);
  });

  test("context goes to the models, a name that the bundle does not know is refused", async () => {
    const info = { ...world().info, context: ["device", "price"] };
    const { app, toCrm } = world({ info });
    const context = { device: "phone", price: 2.5 };
    const history = [{ item: "1", rating: 3, context: { device: "tv" } }];
    expect((await post(app, { item: "2", context, history }))[0]).toBe(200);
    expect(toCrm.at(-1)).toEqual([{ user: null, item: "2", history, context }]);
    const [status, { error }] = await post(app, {
      samples: [{ item: "2" }, { item: "2", context: { divice: "tv" } }],
    });
    expect([status, error]).toEqual([
      400,
      {
        code: "serve/unknown-field",
        message: 'There is no context "divice".',
        place: "samples[1].context.divice",
        remedy: 'Did you mean "device"?',
      },
    ]);
    const [, { error: none }] = await post(world().app, { item: "2", context });
    expect(none!.remedy).toBe("The data of this bundle have no context.");
  });

  test("cold starts and unknown items are scored and named", async () => {
    const { app, toCrm } = world();
    const [, { predictions }] = await post(app, {
      samples: [
        { user: "bob", item: "2" },
        { item: "2" },
        { user: null, item: "2", history: [{ item: "1", rating: 3 }] },
        { user: "ann", item: "9" },
        { user: "ann", item: "2", history: [] },
      ],
    });
    expect(predictions!.map(({ coldStart }) => coldStart)).toEqual([
      true,
      true,
      undefined,
      undefined,
      undefined,
    ]);
    expect(predictions!.map(({ unknownItem }) => unknownItem)).toEqual([
      undefined,
      undefined,
      undefined,
      true,
      undefined,
    ]);
    expect(toCrm[0]![0]).toEqual({ user: "bob", item: "2", history: [] });
    expect(toCrm[0]![4]!.history).toEqual([]);
  });

  test("many requests at once", async () => {
    const { app } = world();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => post(app, { item: i % 2 === 0 ? "1" : "2" })),
    );
    expect(answers.map(([, { route }]) => route)).toEqual(
      Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? "llm" : "crm")),
    );
  });
});

describe("a model that fails", () => {
  const laneDied = new CorellaError({ code: "bundle/lane", message: "The thread of the LLM ended: secret." });

  test("without the LLM the CRM answers, and says for which samples it stands in", async () => {
    const { app, failures, lines } = world();
    failures.llm = laneDied;
    const [status, { predictions }] = await post(app, { samples: [{ item: "1" }, { item: "2" }] });
    expect(status).toBe(200);
    expect(predictions).toMatchObject([
      { probability: 0.5, route: "crm", degraded: true },
      { probability: 0.9375, route: "crm" },
    ]);
    expect(predictions![1]).not.toHaveProperty("degraded");
    expect(lines.join("\n")).toContain("secret");
  });

  test("an LLM that takes too long counts as failed", async () => {
    const { app, failures } = world({ llmTimeoutMs: 20 });
    failures.llm = "hang";
    expect((await post(app, { item: "1" }))[1]).toMatchObject({ route: "crm", degraded: true });
  });

  test("the CRM is asked once, whatever the LLM does", async () => {
    const { app, failures, toCrm } = world({ llmTimeoutMs: 20 });
    for (const failure of [laneDied, "hang"] as const) {
      failures.llm = failure;
      await post(app, { samples: [{ item: "1" }, { item: "2" }] });
    }
    expect(toCrm.map((batch) => batch.length)).toEqual([2, 2]);
  });

  test("a request that its sender gives up ends at once, and is logged with the status that proxies use", async () => {
    const { app, failures, lines } = world();
    failures.llm = "hang";
    const abort = new AbortController();
    const answer = app.request("/v1/score", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"item": "1"}',
      signal: abort.signal,
    });
    setTimeout(() => abort.abort(), 20);
    expect((await answer).status).toBe(499);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^POST \/v1\/score 499 /);
  });

  test("without the CRM there is no answer: 503, with the reason in the log alone", async () => {
    const { app, failures, lines } = world();
    failures.crm = laneDied;
    const [status, answer] = await post(app, { item: "1" });
    expect(status).toBe(503);
    expect(answer.error!.code).toBe("serve/lane-down");
    expect(JSON.stringify(answer)).not.toContain("secret");
    expect(lines.join("\n")).toContain("secret");
  });

  test("a defect is a 500 without internals", async () => {
    const { app, failures, lines } = world();
    failures.crm = new TypeError("secret");
    const [status, answer] = await post(app, { item: "1" });
    expect(status).toBe(500);
    expect(answer.error!.code).toBe("serve/internal");
    expect(JSON.stringify(answer)).not.toContain("secret");
    expect(lines.join("\n")).toContain("TypeError: secret");
  });
});

describe("a bundle of one model", () => {
  const samples = [{ item: "1" }, { item: "2" }];

  test("the CRM alone answers every sample, and nothing is routed", async () => {
    const { app } = world({ only: "crm" });
    const [status, { predictions }] = await post(app, { samples });
    expect(status).toBe(200);
    expect(predictions).toMatchObject([
      { probability: 0.5, route: "crm", pCrm: 0.5, entropy: expect.closeTo(Math.LN2, 5) as number },
      { probability: 0.9375, route: "crm" },
    ]);
    for (const prediction of predictions!) expect(prediction).not.toHaveProperty("pLlm");
    expect((await post(app, { item: "1", llm: "never" }))[0]).toBe(200);
    const [refused, { error }] = await post(app, { item: "1", llm: "always" });
    expect([refused, error!.code, error!.place]).toEqual([400, "serve/no-model", "llm"]);
    const info = (await (await app.request("/v1/info")).json()) as object;
    expect(info).toMatchObject({ models: { crm: "DCNv2" }, features: [] });
    expect(info).not.toHaveProperty("router");
    expect(info).not.toHaveProperty("models.llm");
    expect((await app.request("/health/ready")).status).toBe(200);
  });

  test("the LLM alone answers every sample, and its failures are errors", async () => {
    const { app, failures, toLlm, lines } = world({ only: "llm", llmTimeoutMs: 20 });
    const [, { predictions }] = await post(app, { samples });
    expect(predictions).toEqual([
      { probability: 0.25, route: "llm", pLlm: 0.25, coldStart: true },
      { probability: 0.25, route: "llm", pLlm: 0.25, coldStart: true },
    ]);
    expect((await post(app, { item: "1", llm: "always" }))[0]).toBe(200);
    expect((await post(app, { item: "1", llm: "never" }))[1].error!.code).toBe("serve/no-model");
    const info = (await (await app.request("/v1/info")).json()) as object;
    expect(info).toMatchObject({ models: { llm: "Llama" } });
    for (const field of ["router", "features", "models.crm"]) expect(info).not.toHaveProperty(field);

    // A check asks a slow model only after a failure.
    const asked = toLlm.length;
    expect((await app.request("/health/ready")).status).toBe(200);
    expect(toLlm).toHaveLength(asked);
    failures.llm = "hang";
    const late = await post(app, { item: "1" });
    expect([late[0], late[1].error!.code]).toEqual([503, "serve/lane-down"]);
    expect(lines.join("\n")).toContain("the LLM did not answer: ");
    for (const code of ["bundle/lane", "llm/remote-unreachable"]) {
      failures.llm = new CorellaError({ code, message: "secret" });
      const [status, { error }] = await post(app, { item: "1" });
      expect([status, error!.code]).toEqual([503, "serve/lane-down"]);
    }
    expect((await app.request("/health/ready")).status).toBe(503);
    failures.llm = undefined;
    expect((await app.request("/health/ready")).status).toBe(200);
    failures.llm = new TypeError("secret");
    expect((await post(app, { item: "1" }))[1].error!.code).toBe("serve/internal");
  });
});

describe("health", () => {
  const ready = async (app: Hono): Promise<number> => (await app.request("/health/ready")).status;

  test("live always, ready and scoring only when the models are loaded", async () => {
    let finish: (predictor: Predictor) => void = () => {};
    const loaded = createPredictor(
      {
        crm: { score: async (records) => Float32Array.from(records, pCrmOf), dispose: async () => {} },
        llm: { score: async (records) => new Float32Array(records.length), dispose: async () => {} },
      },
      { policy: { kind: "none" }, mix: { kind: "replace" } },
    );
    const { app } = world({
      predictor: new Promise((resolve) => {
        finish = resolve;
      }),
    });
    expect((await app.request("/health/live")).status).toBe(200);
    expect(await ready(app)).toBe(503);
    const [status, answer] = await post(app, { item: "1" });
    expect([status, answer.error!.code]).toEqual([503, "serve/loading"]);
    finish(loaded);
    await new Promise(setImmediate);
    expect(await ready(app)).toBe(200);
    expect((await post(app, { item: "1" }))[0]).toBe(200);
  });

  test("not ready after the LLM failed at a request, and again when it answers", async () => {
    const { app, failures } = world();
    failures.llm = new CorellaError({ code: "bundle/lane", message: "x" });
    expect(await ready(app)).toBe(200);
    await post(app, { item: "1" });
    expect(await ready(app)).toBe(503);
    failures.llm = undefined;
    expect(await ready(app)).toBe(200);
  });

  test("a sample that the LLM cannot read leaves the server ready", async () => {
    const { app, failures } = world();
    failures.llm = new CorellaError({ code: "llm/prompt-too-long", message: "x" });
    expect((await post(app, { item: "1" }))[1]).toMatchObject({ degraded: true });
    expect(await ready(app)).toBe(200);
  });

  test("not ready without the CRM", async () => {
    const { app, failures } = world();
    failures.crm = new CorellaError({ code: "bundle/lane", message: "x" });
    expect(await ready(app)).toBe(503);
  });
});

describe("the rest", () => {
  test("the README knows every endpoint, field and error", async () => {
    const read = (file: string): Promise<string> => readFile(join(import.meta.dirname, file), "utf8");
    const readme = await read("../README.md");
    const { app } = world();
    const index = (await (await app.request("/")).json()) as {
      endpoints: { method: string; path: string }[];
    };
    // Those of the Open Inference Protocol have a page of their own.
    const own = index.endpoints.filter(({ path }) => !path.startsWith("/v2"));
    for (const { method, path } of own) expect(readme).toContain(`\`${method} ${path}\``);
    const known = (await post(app, { zzzzzz: 1 }))[1].error!.remedy!.matchAll(/\w+(?=[,.])/g);
    for (const [field] of known) expect(readme).toMatch(new RegExp(`[\`"]${field}[\`"]`));
    const codes = (await Promise.all(["http/problem.ts", "http/listen.ts", "main.ts"].map(read))).join("");
    for (const [code] of codes.matchAll(/serve\/[a-z-]+/g)) expect(readme).toContain(code);
  });

  test("the index lists the endpoints, and its example is a request", async () => {
    const { app } = world();
    const index = (await (await app.request("/")).json()) as {
      endpoints: { path: string }[];
      example: unknown;
    };
    expect(index.endpoints.map(({ path }) => path)).toContain("/v1/score");
    expect((await post(app, index.example))[0]).toBe(200);
  });

  test("info tells of the bundle, and every answer names it", async () => {
    const { app } = world();
    const response = await app.request("/v1/info");
    expect(await response.json()).toMatchObject({
      models: { crm: "DCNv2" },
      router: { policy: { kind: "threshold" } },
    });
    expect(response.headers.get("corella-bundle")).toBe("tiny/abc");
    expect((await app.request("/nowhere")).headers.get("corella-bundle")).toBe("tiny/abc");
  });

  test("a line for each request, without ids, and none can be forged", async () => {
    const { app, lines } = world();
    await post(app, { user: "ann", item: "1" });
    await app.request("/x%0APOST%20/forged?user=ann");
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^POST \/v1\/score 200 \d+\.\d ms$/);
    expect(lines[1]).toMatch(/^GET \/x%0APOST%20\/forged 404 \d+\.\d ms$/);
  });

  test("verbose adds the body", async () => {
    const { app, lines } = world({ verbose: true });
    await post(app, '{"user": "ann",\n"item": "1"}');
    expect(lines[0]).toBe('body "{\\"user\\": \\"ann\\",\\n\\"item\\": \\"1\\"}"');
  });
});
