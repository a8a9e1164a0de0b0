import { createHash } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import type { Endpoint } from "../http/endpoint.ts";
import { listen } from "../http/listen.ts";
import { world, type Answer } from "../world.test-helper.ts";
import { createKeyring, hashOf, parseKeys, type ApiKey } from "./api-keys.ts";
import { pageCsp } from "./headers.ts";
import { createSecurity, type SecurityOptions } from "./security.ts";

const secret = "corella_secret";
const shop: ApiKey = { name: "shop", sha256: hashOf(secret), scopes: ["score"] };

/** Sends samples, or an event, with headers. */
async function ask(
  app: Hono,
  headers: Record<string, string> = {},
  { path = "/v1/score", body = { item: "1" } as object, env = {} } = {},
): Promise<Response> {
  const init = {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  };
  return app.request(path, init, env);
}

const secured = (options: SecurityOptions): ReturnType<typeof world> =>
  world({ security: createSecurity(options) });
const withKeys = (...keys: ApiKey[]): (() => ReturnType<typeof createKeyring>) => {
  const keyring = createKeyring(keys);
  return () => keyring;
};

describe("with keys", () => {
  const refusals = async (response: Response): Promise<unknown[]> => {
    const { code } = (await response.json()) as Answer;
    return [response.status, code, response.headers.get("www-authenticate")];
  };

  test("a key lets in, by either header; none, another or a cut one does not, and nothing is computed or logged of it", async () => {
    const { app, toCrm, lines } = secured({ keys: withKeys(shop) });
    const bearer = 'Bearer realm="corella"';
    for (const [headers, code, challenge] of [
      [{}, "serve/no-key", bearer],
      [{ authorization: "Basic YTpi" }, "serve/no-key", bearer],
      [{ authorization: "Bearer other" }, "serve/bad-key", `${bearer}, error="invalid_token"`],
      [{ "x-api-key": secret.slice(0, -1) }, "serve/bad-key", `${bearer}, error="invalid_token"`],
      [{ "x-api-key": shop.sha256 }, "serve/bad-key", `${bearer}, error="invalid_token"`],
      [{ "x-api-key": "x".repeat(100_000) }, "serve/bad-key", `${bearer}, error="invalid_token"`],
    ] as const)
      expect(await refusals(await ask(app, headers))).toEqual([401, code, challenge]);
    expect(toCrm).toEqual([]);
    const accepted: Record<string, string>[] = [
      { authorization: `Bearer ${secret}` },
      { authorization: `bearer  ${secret}` },
      { "x-api-key": secret },
    ];
    for (const headers of accepted) expect((await ask(app, headers)).status).toBe(200);
    expect(lines.at(-1)).toMatch(/^POST \/v1\/score 200 [\d.]+ ms by shop$/);
    expect(lines.join("\n")).not.toMatch(/secret|other/);
  });

  test("a key is for its scopes alone, and health needs none", async () => {
    const events = { ...shop, name: "tracker", sha256: hashOf("t"), scopes: ["events"] as const };
    const { app } = secured({ keys: withKeys(shop, events) });
    const event = { path: "/v1/events", body: { user: "a", item: "1", rating: 1 } };
    expect(await refusals(await ask(app, { "x-api-key": secret }, event))).toEqual([
      403,
      "serve/scope",
      'Bearer realm="corella", error="insufficient_scope", scope="events"',
    ]);
    expect((await ask(app, { "x-api-key": "t" })).status).toBe(403);
    expect((await ask(app, { "x-api-key": "t" }, event)).status).toBe(404); // this server has no store
    expect((await app.request("/health/live")).status).toBe(200);
    expect((await app.request("/health/ready")).status).toBe(200);
    for (const path of ["/", "/v1/info"]) expect((await app.request(path)).status).toBe(401);
  });

  test("an endpoint's scope is asked for, and where nothing is said that of scores", async () => {
    const guarded = new Hono();
    const security = createSecurity({ keys: withKeys(shop) });
    const endpoints: Pick<Endpoint, "path" | "scope">[] = [
      { path: "/page", scope: "none" },
      { path: "/reload", scope: "admin" },
      { path: "/other" },
    ];
    for (const { path, scope } of endpoints) {
      guarded.on("GET", path, security.guard(scope ?? "score"));
      guarded.on("GET", path, (c) => c.text("ok"));
    }
    guarded.onError((error, c) => c.text((error as Error & { code: string }).code, 400));
    const headers = { "x-api-key": secret };
    const texts = await Promise.all(
      endpoints.map(async ({ path }) => (await guarded.request(path, { headers })).text()),
    );
    expect(texts).toEqual(["ok", "serve/scope", "ok"]);
  });

  test("every endpoint is closed without a key but health and what the server tells of itself, whatever its path and method", async () => {
    const { app } = secured({ keys: withKeys(shop) });
    const list = (await (await app.request("/", { headers: { "x-api-key": secret } })).json()) as {
      endpoints: { method: string; path: string }[];
    };
    expect(list.endpoints.length).toBeGreaterThan(4);
    for (const { method, path } of list.endpoints) {
      // What tells of the server itself is nobody's secret.
      const open = /^\/(health|v2\/health|console|docs|openapi\.json|problems)\b/.test(path);
      for (const asked of method === "GET" ? [method, "HEAD"] : [method]) {
        const { status } = await app.request(path, { method: asked });
        expect(status === 401, `${asked} ${path}`).toBe(!open);
      }
    }
  });
});

describe("rates", () => {
  const from = (address: string): { incoming: object } => ({
    incoming: { socket: { remoteAddress: address } },
  });

  test("an address that asks for more than its requests is told when to come again, another is answered", async () => {
    const { app, toCrm } = secured({ limit: { requests: 0.2 } }); // two in ten seconds
    const one = { env: from("192.0.2.1") };
    const [first, second, third] = [
      await ask(app, {}, one),
      await ask(app, {}, one),
      await ask(app, {}, one),
    ];
    expect([first.status, second.status, third.status]).toEqual([200, 200, 429]);
    expect(first.headers.get("ratelimit-policy")).toBe('"requests";q=2;w=10');
    expect(first.headers.get("ratelimit")).toBe('"requests";r=1;t=10');
    expect(third.headers.get("ratelimit")).toBe('"requests";r=0;t=10');
    expect(third.headers.get("retry-after")).toBe("10");
    expect(await third.json()).toMatchObject({ code: "serve/rate-limited" });
    expect(toCrm).toHaveLength(2);
    expect((await ask(app, {}, { env: from("192.0.2.2") })).status).toBe(200);
    // Of one network of IPv6 all addresses count together; of IPv4 in IPv6 the address.
    const v6 = [
      "2001:db8::1",
      "2001:db8:0:0:9::2",
      "2001:0DB8::3%eth0",
      "2001:db8:0:1::1",
      "::ffff:192.0.2.1",
    ];
    const statuses: number[] = [];
    for (const address of v6) statuses.push((await ask(app, {}, { env: from(address) })).status);
    expect(statuses).toEqual([200, 200, 429, 200, 429]);
  });

  test("over connections each address has its own rate, and answers their headers", async () => {
    const { app } = secured({ limit: { requests: 0.2 } });
    const server = await listen({ host: "127.0.0.1", port: 0 }, app);
    const askFrom = async (localAddress: string): Promise<IncomingMessage> => {
      const asked = request(`${server.url}/v1/score`, {
        method: "POST",
        localAddress,
        headers: { "content-type": "application/json", "x-request-id": localAddress },
      });
      asked.end(JSON.stringify({ item: "1" }));
      const [answer] = (await once(asked, "response")) as [IncomingMessage];
      answer.resume();
      return answer;
    };
    const statuses: (number | undefined)[] = [];
    for (const last of [1, 1, 1, 2, 2, 2]) {
      const { statusCode, headers } = await askFrom(`127.0.0.${last}`);
      statuses.push(statusCode);
      expect(headers["x-request-id"]).toBe(`127.0.0.${last}`);
      expect(headers["corella-bundle"]).toBe("tiny/abc");
    }
    expect(statuses).toEqual([200, 200, 429, 200, 200, 429]);
    await server.close(100);
  });

  test("a key's samples are counted before they are scored; a request larger than all that are allowed takes them all", async () => {
    const keys = withKeys({ ...shop, limit: { samples: 1 } }, { ...shop, name: "b", sha256: hashOf("b") });
    const { app, toCrm } = secured({ keys, limit: { samples: 100 } });
    const many = (count: number): { body: object } => ({
      body: { samples: Array.from({ length: count }, () => ({ item: "2" })) },
    });
    const headers = { "x-api-key": secret };
    expect((await ask(app, headers, many(9))).headers.get("ratelimit")).toBe('"samples";r=1;t=10');
    expect((await ask(app, headers, many(2))).status).toBe(429);
    expect(toCrm.flat()).toHaveLength(9);
    expect((await ask(app, { "x-api-key": "b" }, many(1000))).status).toBe(200);
    expect((await ask(app, { "x-api-key": "b" })).status).toBe(429);
  });

  test("of a key's limits the one that is left out is the server's", async () => {
    const keys = withKeys({ ...shop, limit: { requests: 5 } });
    const { app, toCrm } = secured({ keys, limit: { requests: 0.1, samples: 1 } });
    const headers = { "x-api-key": secret };
    const ten = { body: { samples: Array.from({ length: 10 }, () => ({ item: "2" })) } };
    const first = await ask(app, headers, ten);
    expect(first.status).toBe(200);
    expect(first.headers.get("ratelimit-policy")).toBe('"requests";q=50;w=10, "samples";q=10;w=10');
    expect((await ask(app, headers)).status).toBe(429);
    expect(toCrm.flat()).toHaveLength(10);
  });

  test("addresses that proxies tell count only from as many proxies as are trusted, whatever the sender has written before", async () => {
    for (const [trustedProxies, statuses] of [
      [0, [200, 429, 429]],
      [1, [200, 429, 200]],
      [2, [200, 200, 429]],
    ] as const) {
      const { app } = secured({ limit: { requests: 0.1 }, trustedProxies });
      const seen: number[] = [];
      for (const forwarded of ["6.6.6.6, 1.1.1.1, 9.9.9.9", "6.6.6.7, 1.1.1.2, 9.9.9.9", "1.1.1.2, 9.9.9.8"])
        seen.push((await ask(app, { "x-forwarded-for": forwarded }, { env: from("10.0.0.1") })).status);
      expect(seen, String(trustedProxies)).toEqual(statuses);
    }
  });

  test("an address that a proxy tells with its port is that address", async () => {
    const { app } = secured({ limit: { requests: 0.1 }, trustedProxies: 1 });
    const seen: number[] = [];
    for (const forwarded of [
      "1.1.1.1:5000",
      "1.1.1.1",
      "[2001:db8::1]:5000",
      "2001:db8::2",
      "[2001:db8:1::1]",
    ])
      seen.push((await ask(app, { "x-forwarded-for": forwarded })).status);
    expect(seen).toEqual([200, 429, 200, 429, 200]);
  });

  test("guesses at keys are limited by address", async () => {
    const { app } = secured({ keys: withKeys(shop), limit: { requests: 0.1 } });
    expect((await ask(app, { "x-api-key": "guess" }, { env: from("192.0.2.7") })).status).toBe(401);
    expect((await ask(app, { "x-api-key": "guess" }, { env: from("192.0.2.7") })).status).toBe(429);
    expect((await ask(app, { "x-api-key": secret }, { env: from("192.0.2.7") })).status).toBe(200);
  });

  test("while the Redis server does not answer, each server counts for itself, at once", async () => {
    const { app } = secured({ limit: { requests: 0.1 }, redis: "redis://127.0.0.1:1/0" });
    const startedMs = performance.now();
    expect((await ask(app)).status).toBe(200);
    expect((await ask(app)).status).toBe(429);
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });
});

describe("browsers", () => {
  test("every answer, right or wrong, says what they may do with it; a page keeps its own", async () => {
    const { app } = world();
    const answers = [
      await ask(app),
      await ask(app, {}, { body: { itm: "1" } }),
      await app.request("/nowhere"),
      await app.request("/v1/score"),
      await app.request("/health/live"),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 400, 404, 405, 200]);
    for (const { headers } of answers) {
      expect(headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
      expect(headers.get("access-control-allow-origin")).toBeNull();
    }
    const pages = new Hono();
    pages.use(createSecurity().site);
    pages.get("/page", (c) => c.html("<p>", 200, { "content-security-policy": pageCsp }));
    pages.get("/broken", () => Promise.reject(new Error("x")));
    pages.onError((_, c) => c.text("broken", 500));
    pages.get("/raw", () => new Response("x", { headers: { "cache-control": "max-age=60" } }));
    expect((await pages.request("/page")).headers.get("content-security-policy")).toBe(pageCsp);
    const raw = (await pages.request("/raw")).headers;
    expect(raw.get("cache-control")).toBe("max-age=60");
    expect(raw.get("x-content-type-options")).toBe("nosniff");

    // Over a connection they are set elsewhere.
    const server = await listen({ host: "127.0.0.1", port: 0 }, pages);
    const over = async (path: string): Promise<Headers> => (await fetch(server.url + path)).headers;
    for (const path of ["/page", "/raw", "/nowhere", "/broken"]) {
      const told = await over(path);
      expect(told.get("x-content-type-options"), path).toBe("nosniff");
      expect(told.get("cache-control"), path).toBe(path === "/raw" ? "max-age=60" : "no-store");
      expect(told.get("content-security-policy"), path).toBe(
        path === "/page" ? pageCsp : "default-src 'none'; frame-ancestors 'none'",
      );
    }
    await server.close(100);
  });

  test("a name that somebody else made point here is refused (DNS rebinding); this machine's own are not", async () => {
    const { app, toCrm } = secured({ hosts: ["localhost", "127.0.0.1", "[::1]"] });
    for (const host of ["localhost:8080", "127.0.0.1", "[::1]:8080", "LOCALHOST.", "localhost"])
      expect((await ask(app, { host })).status, host).toBe(200);
    const evil = [
      "evil.example",
      "localhost.evil.example:8080",
      "127.0.0.1.evil.example",
      "[::2]",
      "",
      "a b",
    ];
    for (const host of evil) {
      const response = await ask(app, { host });
      expect(response.status, host).toBe(403);
      expect(await response.json()).toMatchObject({ code: "serve/foreign-host" });
    }
    expect(toCrm).toHaveLength(5);
    expect((await app.request("/health/live", { headers: { host: "evil.example" } })).status).toBe(403);
  });

  test("by its address health is answered, for whoever watches a container, and nothing else; other names are refused there too", async () => {
    const { app } = secured({ hosts: ["serve.example"] });
    const statusOf = async (path: string, host: string): Promise<number> =>
      (await app.request(path, { headers: { host } })).status;
    const health = ["/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"];
    for (const host of ["10.1.2.3", "10.1.2.3:8080", "[fd00::1]", "[FD00::1]:8080"]) {
      for (const path of health) expect(await statusOf(path, host), host + path).toBe(200);
      for (const path of ["/", "/v1/info", "/v2", "/v2/models/tiny/ready"])
        expect(await statusOf(path, host), host + path).toBe(403);
      expect((await ask(app, { host })).status, host).toBe(403);
    }
    for (const host of ["evil.example", "10.1.2.3.evil.example", "10.1.2", "[evil.example]", "localhost", ""])
      for (const path of health) expect(await statusOf(path, host), host + path).toBe(403);
    for (const path of health) expect(await statusOf(path, "serve.example:8080"), path).toBe(200);
  });

  test("a page of another site can have nothing done, one of this server can", async () => {
    const { app, toCrm } = world();
    const host = "localhost:8080";
    const refused: Record<string, string>[] = [
      { origin: "http://evil.example", host },
      { origin: "null", host },
      { origin: "http://localhost:3000", host },
      { "sec-fetch-site": "cross-site", origin: "http://localhost:8080", host },
      { "sec-fetch-site": "same-site", host },
    ];
    for (const headers of refused) {
      const response = await ask(app, headers);
      expect([response.status, ((await response.json()) as Answer).code]).toEqual([
        403,
        "serve/foreign-origin",
      ]);
    }
    expect(toCrm).toEqual([]);
    const allowed: Record<string, string>[] = [
      { origin: "http://localhost:8080", host },
      { "sec-fetch-site": "same-origin", origin: "https://front.example", host },
      { "sec-fetch-site": "none", host },
      { host },
    ];
    for (const headers of allowed) expect((await ask(app, headers)).status).toBe(200);
    const preflight = await app.request("/v1/score", {
      method: "OPTIONS",
      headers: { host, origin: "http://evil.example", "access-control-request-method": "POST" },
    });
    expect(preflight.status).toBe(403);
    expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
  });
});

test("a compressed body is refused, with what may be sent instead", async () => {
  const { app } = world();
  const response = await ask(app, { "content-encoding": "gzip" });
  expect([response.status, response.headers.get("accept-encoding")]).toEqual([415, "identity"]);
  expect(await response.json()).toMatchObject({ code: "serve/content-encoding" });
  expect((await ask(app, { "content-encoding": "identity" })).status).toBe(200);
});

describe("a file of keys", () => {
  const entry = `{ name: a, sha256: ${"a".repeat(64)}, scopes: [score] }`;
  test("is YAML or JSON, and hashes are SHA-256 of the key", () => {
    expect(parseKeys(`keys:\n  - ${entry}`, "k")).toEqual([
      { name: "a", sha256: "a".repeat(64), scopes: ["score"] },
    ]);
    expect(parseKeys(JSON.stringify({ keys: [shop] }), "k")).toEqual([shop]);
    expect(parseKeys("keys: []", "k")).toEqual([]);
    expect(hashOf("abc")).toBe(createHash("sha256").update("abc").digest("hex"));
    expect(hashOf("abc").slice(0, 8)).toBe("ba7816bf"); // FIPS 180-2, appendix B.1
  });

  test.each([
    ["nothing, as while it is being written", "", "serve/bad-keys"],
    ["another scope", "{ name: a, sha256: $, scopes: [all] }", "config/invalid"],
    ["no scope", "{ name: a, sha256: $, scopes: [] }", "config/invalid"],
    ["the key in place of its hash", "{ name: a, sha256: corella_abc, scopes: [score] }", "config/invalid"],
    ["a misspelt field", "{ name: a, sha256: $, scope: [score], scopes: [score] }", "config/unknown-key"],
    ["a name with line breaks", '{ name: "a\\nb", sha256: $, scopes: [score] }', "config/invalid"],
    [
      "a rate of nothing",
      "{ name: a, sha256: $, scopes: [score], limit: { requests: 0 } }",
      "config/invalid",
    ],
    ["no list", "3", "config/invalid"],
    ["no YAML", "[", "config/syntax"],
    ["a key twice", `${entry}\n  - { name: b, sha256: $, scopes: [score] }`, "serve/bad-keys"],
    [
      "a name twice",
      `${entry}\n  - { name: a, sha256: ${"b".repeat(64)}, scopes: [score] }`,
      "serve/bad-keys",
    ],
  ])("with %s is refused", (_, text, code) => {
    const content = ["", "3", "["].includes(text) ? text : `keys:\n  - ${text.replace("$", "a".repeat(64))}`;
    expect(() => parseKeys(content, "keys.yaml")).toThrow(expect.objectContaining({ code }));
  });
});
