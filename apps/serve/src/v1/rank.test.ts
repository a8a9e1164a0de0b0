import { CorellaError } from "@corella/errors";
import { createCatalogue } from "@corella/modality";
import { describe, expect, test } from "vitest";
import { post, world, type Answer } from "../world.test-helper.ts";

interface Ranked {
  readonly rank: number;
  readonly item: string;
  readonly probability: number;
  readonly [other: string]: unknown;
}

const itemsOf = (answer: Answer): Ranked[] => answer["items"] as Ranked[];

function rank(app: ReturnType<typeof world>["app"], body: object): Promise<[number, Answer]> {
  return post(app, body, undefined, "/v1/rank");
}

describe("POST /v1/rank", () => {
  test("orders by probability, ties as they were sent, with the answers of a score", async () => {
    const { app } = world();
    const candidates = ["1", "7", { item: "8", itemAttributes: { title: "Eight" } }, "2"];
    const [status, answer] = await rank(app, { user: "ann", candidates });
    expect(status).toBe(200);
    const items = itemsOf(answer);
    expect(items.map(({ item }) => item)).toEqual(["7", "8", "2", "1"]);
    expect(items.map((each) => each.rank)).toEqual([1, 2, 3, 4]);
    const samples = [
      { user: "ann", item: "7" },
      { user: "ann", item: "8", itemAttributes: { title: "Eight" } },
      { user: "ann", item: "2" },
      { user: "ann", item: "1" },
    ];
    const [, { predictions }] = await post(app, { samples });
    expect(items).toEqual(predictions!.map((each, i) => ({ rank: i + 1, item: samples[i]!.item, ...each })));
    expect(items[0]).toHaveProperty("unknownItem");
    expect(items[1]).not.toHaveProperty("unknownItem");
  });

  test("tells the top alone, and the whole catalogue where no candidates are named", async () => {
    const { app, toCrm } = world();
    const [, answer] = await rank(app, { user: "ann", top: 1 });
    expect(itemsOf(answer)).toMatchObject([{ rank: 1, item: "2", probability: 0.9375 }]);
    expect(toCrm.at(-1)!.map(({ item }) => item)).toEqual(["1", "2"]);
    expect(itemsOf((await rank(app, { candidates: ["1"], top: 50 }))[1])).toHaveLength(1);
  });

  test("completes a history once: all records share it, in one batch for each model", async () => {
    const { app, toCrm, toLlm } = world();
    const candidates = ["1", "1", "2"];
    await rank(app, { user: "ann", candidates });
    const told = [
      { item: "2", rating: 1, time: 250 },
      { item: "1", rating: 2, time: 240 },
    ];
    await rank(app, { user: "ann", candidates, history: told, llm: "always" });
    expect(toLlm.map((batch) => batch.length)).toEqual([2, 3]);
    for (const batch of [...toCrm, ...toLlm]) {
      expect(new Set(batch.map(({ history }) => history)).size).toBe(1);
      expect(batch[0]!.history).toHaveLength(2);
    }
    expect(toCrm.at(-1)![0]!.history).toEqual(told.toReversed());
  });

  test("a catalogue beyond the limit is refused, a larger one is ranked without the LLM", async () => {
    const of = (size: number) =>
      world({ catalogue: createCatalogue(Array.from({ length: size }, (_, i) => [`i${i}`, {}])) });
    const { app, toLlm } = of(1001);
    const [status, problem] = await rank(app, { user: "ann" });
    expect([status, problem.code, problem.place]).toEqual([400, "serve/too-many-candidates", "candidates"]);
    expect(problem.remedy).toContain("never");
    expect(itemsOf((await rank(app, { user: "ann", llm: "never" }))[1])).toHaveLength(1001);
    expect(toLlm).toEqual([]);
    const [refused, { code, remedy }] = await rank(of(10_001).app, { user: "ann", llm: "never" });
    expect([refused, code, remedy]).toEqual([400, "serve/too-many-candidates", "Name up to 1,000."]);
  });

  test.each([
    [{ candidates: [] }, "serve/bad-field", "candidates"],
    [{ candidates: [{ itm: "1" }] }, "serve/unknown-field", "candidates[0].itm"],
    [{ candidates: ["1", 2] }, "serve/bad-field", "candidates[1]"],
    [{ candidates: "1" }, "serve/bad-field", "candidates"],
    [{ item: "1" }, "serve/unknown-field", "item"],
    [{ candidates: ["1"], top: 0 }, "serve/bad-field", "top"],
    [{ candidates: Array.from({ length: 1001 }, () => "1") }, "serve/too-many-candidates", "candidates"],
    [
      { candidates: ["1"], history: [{ item: "1", rating: 1, tme: 1 }] },
      "serve/unknown-field",
      "history[0].tme",
    ],
    [{ candidates: ["1"], context: { device: "tv" } }, "serve/unknown-field", "context.device"],
  ])("refuses %j", async (body, code, place) => {
    const { app, toCrm } = world();
    const [status, problem] = await rank(app, body);
    expect([status, problem.code, problem.place]).toEqual([400, code, place]);
    expect(toCrm).toEqual([]);
  });

  test("a rating beyond the scale is refused at its place in the request", async () => {
    const { app, info } = world();
    Object.assign(info, { ratings: [1, 5] });
    const [, problem] = await rank(app, { candidates: ["1", "2"], history: [{ item: "1", rating: 9 }] });
    expect([problem.code, problem.place]).toEqual(["record/rating", "history[0].rating"]);
  });

  test("without the LLM the CRM ranks, and says for which items it stands in", async () => {
    const { app, failures } = world();
    failures.llm = new CorellaError({ code: "bundle/lane", message: "x" });
    const [status, answer] = await rank(app, { candidates: ["1", "2"] });
    expect(status).toBe(200);
    expect(itemsOf(answer)).toMatchObject([{ item: "2" }, { item: "1", degraded: true }]);
  });
});
