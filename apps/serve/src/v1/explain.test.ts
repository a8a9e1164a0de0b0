import { CorellaError } from "@corella/errors";
import type { RoutingPolicy } from "@corella/routing";
import { describe, expect, test } from "vitest";
import { post, world, type Answer } from "../world.test-helper.ts";

function explain(app: ReturnType<typeof world>["app"], body: object): Promise<[number, Answer]> {
  return post(app, body, undefined, "/v1/explain");
}

describe("POST /v1/explain", () => {
  test("asks both models about an easy sample too, and says why the CRM has the word", async () => {
    const { app, toLlm } = world();
    const [status, answer] = await explain(app, { user: "ann", item: "2" });
    expect(status).toBe(200);
    expect(toLlm).toHaveLength(1);
    const [, scored] = await post(app, { user: "ann", item: "2" });
    const { latencyMs: _, ...same } = scored;
    expect(answer).toMatchObject(same);
    expect(answer).toMatchObject({
      pLlm: 0.25,
      record: {
        user: "ann",
        item: "2",
        userAttributes: { age: 30 },
        itemAttributes: { title: "Two" },
        history: [
          { item: "1", rating: 4, time: 100 },
          { item: "2", rating: 3, time: 200 },
        ],
      },
      features: [{ name: "item", type: "categorical", value: "2" }],
      routing: {
        policy: { kind: "threshold", entropy: 0.5 },
        value: expect.closeTo(0.2338, 4) as number,
        threshold: 0.5,
        toLlm: false,
        why: "The entropy of the CRM's answer is 0.2338 nats, not above the threshold of 0.5000: the CRM answers alone.",
        historyLength: 2,
        userEvents: 2,
      },
      mix: { rule: { kind: "replace" }, probability: 0.25 },
      prompt: { text: "Will they like 2?", tokens: 6 },
    });
  });

  test("a hard sample has the probability of both, as a score has", async () => {
    const { app } = world();
    const [, answer] = await explain(app, { item: "1" });
    expect(answer).toMatchObject({ probability: 0.25, route: "llm", pCrm: 0.5, coldStart: true });
    expect(answer["routing"]).toMatchObject({
      toLlm: true,
      why: expect.stringContaining("above the threshold") as string,
    });
  });

  test.each<[RoutingPolicy, boolean, string]>([
    [{ kind: "none" }, false, "about no sample"],
    [{ kind: "all" }, true, "about every sample"],
    [{ kind: "budget", share: 0.2 }, false, "the 20 % of a request's samples"],
    [
      { kind: "gain", above: 0.1, model: { longestHistory: 10, coefficients: [0.2, 0, 0, 0, 0, 0] } },
      true,
      "to lower the logloss by 0.2000 nats, above the threshold of 0.1000",
    ],
  ])("says of the policy %j what it does", async (policy, toLlm, why) => {
    const { app } = world({ policy });
    const body = { user: "ann", item: "2" };
    const [, answer] = await explain(app, body);
    expect(answer["routing"]).toMatchObject({ toLlm, why: expect.stringContaining(why) as string });
    const [, { probability, route }] = await post(app, body);
    expect(answer).toMatchObject({ probability, route });
  });

  test("an LLM that does not answer leaves the CRM's, whichever way the sample goes", async () => {
    const { app, failures } = world();
    failures.llm = new CorellaError({ code: "bundle/lane", message: "x" });
    for (const item of ["1", "2"]) {
      const [status, answer] = await explain(app, { item });
      expect(status).toBe(200);
      expect(answer).toMatchObject({ route: "crm", degraded: true, routing: { toLlm: item === "1" } });
      expect(answer["probability"]).toBe(answer["pCrm"]);
      for (const field of ["pLlm", "mix"]) expect(answer).not.toHaveProperty(field);
    }
  });

  test.each(["crm", "llm"] as const)("of the %s alone nothing is routed", async (only) => {
    const [status, answer] = await explain(world({ only }).app, { item: "1" });
    expect(status).toBe(200);
    expect(answer["route"]).toBe(only);
    for (const field of ["routing", "mix"]) expect(answer).not.toHaveProperty(field);
    expect("features" in answer).toBe(only === "crm");
    expect("prompt" in answer).toBe(only === "llm");
  });

  test.each([
    [{ user: "ann" }, "serve/bad-field", "item"],
    [{ item: "1", llm: "never" }, "serve/unknown-field", "llm"],
    [{ item: "1", context: { device: "tv" } }, "serve/unknown-field", "context.device"],
  ])("refuses %j", async (body, code, place) => {
    const [status, problem] = await explain(world().app, body);
    expect([status, problem.code, problem.place]).toEqual([400, code, place]);
  });
});
