import { describe, expect, test } from "vitest";
import { post, world } from "../world.test-helper.ts";

describe("bad requests", () => {
  const samples = [{ item: "1" }, { item: "1", history: [{ item: "2", rating: "5" }] }];
  test.each([
    ["no body", "", 400, "serve/bad-json", undefined, "Send a sample"],
    ["no JSON", '{"item": "1",}', 400, "serve/bad-json", "line 1, column 14", "Send a sample"],
    ["no UTF-8", Uint8Array.of(0x22, 0xff, 0x22), 400, "serve/bad-json", undefined, "Send a sample"],
    ["no object", "[]", 400, "serve/bad-field", undefined, "example"],
    ["null", "null", 400, "serve/bad-field", undefined, "example"],
    ["no item", { user: "1" }, 400, "serve/bad-field", "item", "example"],
    ["a number as id", { item: 1 }, 400, "serve/bad-field", "item", "in quotes"],
    ["an empty id", { item: "" }, 400, "serve/bad-field", "item", "example"],
    ["a misspelt field", { item: "1", histroy: [] }, 400, "serve/unknown-field", "histroy", '"history"'],
    [
      "an unknown field",
      { item: "1", zzzzzz: 1 },
      400,
      "serve/unknown-field",
      "zzzzzz",
      "Known are user, item",
    ],
    [
      "a misspelt field of an event",
      { item: "1", history: [{ item: "1", rating: 1, tme: 1 }] },
      400,
      "serve/unknown-field",
      "history[0].tme",
      '"time"',
    ],
    [
      "a misspelt field of a sample in a list",
      { samples: [{ itm: "1" }] },
      400,
      "serve/unknown-field",
      "samples[0].itm",
      '"item"',
    ],
    ["a bad rating", { samples }, 400, "serve/bad-field", "samples[1].history[0].rating", "example"],
    [
      "an infinite rating",
      '{"item":"1","history":[{"item":"1","rating":1e999}]}',
      400,
      "serve/bad-field",
      "history[0].rating",
      "example",
    ],
    ["milliseconds", { item: "1", time: 1.7e12 }, 400, "serve/bad-field", "time", "example"],
    [
      "a nested attribute",
      { item: "1", itemAttributes: { a: { b: 1 } } },
      400,
      "serve/bad-field",
      "itemAttributes.a",
      "example",
    ],
    ["an unknown option", { item: "1", llm: "perhaps" }, 400, "serve/bad-field", "llm", "example"],
    ["no samples", { samples: [] }, 400, "serve/bad-field", "samples", "example"],
    ["samples that are no list", { samples: { item: "1" } }, 400, "serve/bad-field", "samples", "example"],
    [
      "too many samples",
      { samples: Array.from({ length: 1001 }, () => ({ item: "1" })) },
      400,
      "serve/too-many-samples",
      "samples",
      "several requests",
    ],
    [
      "a body that is too large",
      { item: "1", user: "x".repeat(1_048_576) },
      413,
      "serve/too-large",
      undefined,
      "several requests",
    ],
  ])("%s", async (_, body, status, code, place, remedy) => {
    const { app, toCrm } = world();
    const [actual, problem] = await post(app, body);
    expect([actual, problem.code]).toEqual([status, code]);
    expect(problem.place?.replace(/^line.*/, "")).toBe(place?.replace(/^line.*/, ""));
    expect(problem.remedy).toContain(remedy);
    expect(toCrm).toEqual([]);
  });

  test("a field's problem is told with its path", async () => {
    const { app } = world();
    const [, problem] = await post(app, { samples });
    expect(problem.detail).toBe("samples[1].history[0].rating: expected number, received string.");
    expect((await post(app, {}))[1].detail).toBe('"item" is missing.');
  });

  test("1,000 samples are not too many", async () => {
    const { app } = world();
    const [status, { predictions }] = await post(app, {
      samples: Array.from({ length: 1000 }, () => ({ item: "1" })),
    });
    expect([status, predictions!.length]).toEqual([200, 1000]);
  });

  test("another content type", async () => {
    const { app } = world();
    const response = await app.request("/v1/score", { method: "POST", body: '{"item":"1"}' });
    expect(response.status).toBe(415);
    expect(await response.json()).toMatchObject({ code: "serve/content-type" });
    const utf8 = { "content-type": "application/json; charset=utf-8" };
    expect(
      (await app.request("/v1/score", { method: "POST", body: '{"item":"1"}', headers: utf8 })).status,
    ).toBe(200);
  });

  test("another path, another method", async () => {
    const { app } = world();
    const missing = await app.request("/v1/scores", { method: "POST" });
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({
      code: "serve/not-found",
      place: "/v1/scores",
      remedy: "Did you mean /v1/score?",
    });
    const get = await app.request("/v1/score");
    expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"]);
    expect(await get.json()).toMatchObject({ code: "serve/method" });
  });
});

test("a rating beyond the data's scale is refused at its place, alone and in a list; one on it is answered", async () => {
  const { app, info } = await world();
  Object.assign(info, { ratings: [1, 5] });
  const sample = (rating: number) => ({
    item: "1",
    history: [
      { item: "2", rating: 5 },
      { item: "2", rating },
    ],
  });
  for (const [body, place] of [
    [sample(50), "history[1].rating"],
    [{ samples: [{ item: "1" }, sample(0)] }, "samples[1].history[1].rating"],
  ] as const) {
    const [status, problem] = await post(app, body);
    expect([status, problem.code, problem.place]).toEqual([400, "record/rating", place]);
    expect(problem.remedy).toContain("1 to 5");
  }
  expect((await post(app, sample(1)))[0]).toBe(200);
});
