import { expect, test } from "vitest";
import { post, world } from "../world.test-helper.ts";
import { errorsAt, type Endpoint } from "./endpoint.ts";
import { problemTypes } from "./problem-types.ts";

test("a problem's type leads to its meaning and remedy", async () => {
  const { app } = world();
  const response = await app.request("/v1/score", { method: "POST", body: "{}" });
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const { type, title, status, code } = (await response.json()) as Record<string, string>;
  const found = await app.request(type!);
  expect(found.status).toBe(200);
  expect(await found.json()).toEqual({ type, title, status, code, ...problemTypes[code!] });
});

test("all problems are listed, and one that is none is not found", async () => {
  const { app } = world();
  const list = (await (await app.request("/problems")).json()) as { problems: { code: string }[] };
  expect(list.problems.map(({ code }) => code)).toEqual(Object.keys(problemTypes));
  for (const path of ["/problems/serve/bad-feild", "/problems/constructor/x", "/problems/%ff/x"]) {
    const response = await app.request(path);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: "serve/not-found" });
  }
  const near = (await (await app.request("/problems/serve/bad-feild")).json()) as { remedy: string };
  expect(near.remedy).toBe("Did you mean /problems/serve/bad-field?");
});

test("unknown paths and methods are problems, also where a path has parameters", async () => {
  const { app } = world();
  const response = await app.request("/problems/serve/bad-field", { method: "DELETE" });
  expect([response.status, response.headers.get("allow")]).toEqual([405, "GET"]);
  expect((await app.request("/nowhere")).headers.get("content-type")).toBe("application/problem+json");
  const [status] = await post(app, {}, undefined, "/");
  expect(status).toBe(405);
});

test("a protocol's own errors are those of all paths under its first segment, unknown ones too", () => {
  const errorOf: Endpoint["errorOf"] = () => Response.json({ error: "x" }, { status: 400 });
  const of = (path: string, own?: Endpoint["errorOf"]): Endpoint => ({
    method: "GET",
    path,
    purpose: "",
    handle: () => new Response(),
    errorOf: own,
  });
  const endpoints = [of("/v1/info"), of("/v2"), of("/v2/models/:model", errorOf)];
  expect(errorsAt(endpoints, "/v2/models/x/y")).toBe(errorOf);
  expect(errorsAt(endpoints, "/v2")).toBe(errorOf);
  for (const path of ["/v1/info", "/v21", "/", "/v1/v2"]) expect(errorsAt(endpoints, path)).toBeUndefined();
});
