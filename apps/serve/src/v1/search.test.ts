import { createCatalogue } from "@corella/modality";
import { describe, expect, test } from "vitest";
import type { Histories } from "@corella/bundle";
import { histories, world } from "../world.test-helper.ts";
import { itemsAnswerSchema } from "./items.ts";
import { userAnswerSchema, usersAnswerSchema } from "./users.ts";

async function get(path: string, app = world().app): Promise<[status: number, body: unknown]> {
  const response = await app.request(path);
  return [response.status, await response.json()];
}

/** Status, code and place of a request that is refused. */
async function refusal(path: string): Promise<(string | number | undefined)[]> {
  const [status, body] = await get(path);
  const { error, ...problem } = body as { error?: Refused } & Refused;
  const { code, place } = error ?? problem;
  return [status, code, place];
}

interface Refused {
  readonly code?: string;
  readonly place?: string;
}

describe("items", () => {
  test("are found by a part of their id or title", async () => {
    const [status, body] = await get("/v1/items?query=tw");
    expect([status, body]).toEqual([200, { items: [{ item: "2", title: "Two" }] }]);
    expect(itemsAnswerSchema.parse(body)).toEqual(body);
    expect(await get("/v1/items?query=1")).toEqual([200, { items: [{ item: "1", title: "One" }] }]);
    expect(await get("/v1/items?query=three")).toEqual([200, { items: [] }]);
  });

  test("without a query are those with most events, then others of the catalogue", async () => {
    const catalogue = createCatalogue(["a", "b", "c", "d"].map((id) => [id, {}]));
    const ofTwo: Histories = {
      ...histories,
      some: () => ["x", "y"],
      of: (user) => [{ item: "c", rating: 1 }, ...(user === "x" ? [{ item: "b", rating: 1 }] : [])],
    };
    const { app } = world({ catalogue, histories: ofTwo });
    const found = async (limit: number): Promise<string[]> =>
      ((await get(`/v1/items?limit=${limit}`, app))[1] as { items: { item: string }[] }).items.map(
        ({ item }) => item,
      );
    expect(await found(4)).toEqual(["c", "b", "a", "d"]);
    expect(await found(1)).toEqual(["c"]);
  });
});

describe("users", () => {
  test("are found by a part of their id", async () => {
    const [status, body] = await get("/v1/users?query=AN");
    expect([status, body]).toEqual([200, { users: [{ user: "ann", events: 2 }] }]);
    expect(usersAnswerSchema.parse(body)).toEqual(body);
    expect(await get("/v1/users")).toEqual([200, { users: [{ user: "ann", events: 2 }] }]);
    expect(await get("/v1/users?query=bob")).toEqual([200, { users: [] }]);
  });

  test("come with attributes and their latest events, titles included", async () => {
    const [status, body] = await get("/v1/users/ann");
    expect([status, body]).toEqual([
      200,
      {
        user: "ann",
        attributes: { age: 30 },
        history: [
          { item: "1", title: "One", rating: 4, time: 100 },
          { item: "2", title: "Two", rating: 3, time: 200 },
        ],
        earlier: 0,
      },
    ]);
    expect(userAnswerSchema.parse(body)).toEqual(body);
  });

  test("may have any id", async () => {
    const id = "a/b ?%#é";
    const known = { ...histories, has: (user: string) => user === id };
    const [status, body] = await get(`/v1/users/${encodeURIComponent(id)}`, world({ histories: known }).app);
    expect([status, body]).toMatchObject([200, { user: id }]);
  });

  test("that nobody knows are not found", async () => {
    expect(await refusal("/v1/users/bob")).toEqual([404, "serve/not-found", "bob"]);
  });
});

test.each([
  ["/v1/users?limit=0", "serve/bad-field", "limit"],
  ["/v1/users?limit=101", "serve/bad-field", "limit"],
  ["/v1/items?limit=1.5", "serve/bad-field", "limit"],
  ["/v1/items?limit=", "serve/bad-field", "limit"],
  [`/v1/items?query=${"x".repeat(201)}`, "serve/bad-field", "query"],
  ["/v1/items?qurey=x", "serve/unknown-field", "qurey"],
])("%s is refused", async (path, code, place) => {
  expect(await refusal(path)).toEqual([400, code, place]);
});
