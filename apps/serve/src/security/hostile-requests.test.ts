import { createHook } from "node:async_hooks";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openServedState, openStore } from "@corella/store";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createStoreHealth } from "../deployment/store-health.ts";
import { servedBundle, world } from "../world.test-helper.ts";
import { createKeyring, hashOf } from "./api-keys.ts";
import { createSecurity } from "./security.ts";

let folder = "";
let app: ReturnType<typeof world>["app"];
let lines: string[];
let endpoints: { method: string; path: string }[];
let close: () => Promise<void>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-hostile-"));
  const store = await openStore(join(folder, "events.db"));
  const state = await openServedState(store, servedBundle);
  const health = createStoreHealth(() => {});
  // A console without files: those that it has are its own, whatever is asked.
  const console = { files: async () => new Map() };
  ({ app, lines } = world({ events: { state, historyLength: 3, ties: "exclude", health }, console }));
  const index = (await (await app.request("/")).json()) as { endpoints: typeof endpoints };
  // Models are not loaded by requests: 503, whatever their names.
  endpoints = index.endpoints.filter(({ path }) => !path.startsWith("/v2/repository/models"));
  close = async () => {
    await state.close();
    await store.close();
  };
});
afterAll(async () => {
  await close();
  await rm(folder, { recursive: true });
});

/** Names that are paths, templates, commands or switches to some program. */
const names = [
  "../../../../etc/passwd",
  "..\\..\\windows\\win.ini",
  "/etc/passwd",
  "/dev/zero",
  "file:///etc/passwd",
  "events.db",
  "~/.ssh/id_rsa",
  "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
  "a/../../b",
  "CON",
  "$(touch hacked)",
  "`touch hacked`",
  "; touch hacked",
  "{{ 7331 * 7 }}",
  "${7331*7}",
  "' OR 1=1 --",
  "\u0000.json",
  "a\r\nset-cookie: x=1",
  "__proto__",
  "constructor",
  "toString",
  "-rf",
  "\u202Egnp.exe",
  "<script>alert(1)</script>",
  "a".repeat(5000),
];

async function send(path: string, method: string, body: unknown): Promise<Response> {
  const carries = method === "POST";
  return app.request(path, {
    method,
    headers: carries ? { "content-type": "application/json" } : {},
    ...(carries ? { body: typeof body === "string" ? body : JSON.stringify(body) } : {}),
  });
}

/** What a request may hold a name in. */
const bodies = (name: string): unknown[] => [
  { item: name },
  { user: name, item: "1", itemAttributes: { [name]: name, title: name } },
  { user: "ann", item: "1", history: [{ item: name, rating: 1, context: { [name]: name } }] },
  { samples: [{ item: name, userAttributes: { path: name, file: [name] } }], llm: name },
  { id: name, user: name, item: name, rating: 3, itemAttributes: { [name]: name } },
  { events: [{ id: name.slice(0, 100), user: "zoe", item: "1", rating: 3 }] },
  { user: name, candidates: [name], items: [name], model: name, bundle: name, version: name },
  { [name]: 1 },
];

/** The declared statuses of endpoints, right or wrong. */
const declared = new Set([200, 308, 400, 404, 405, 413, 415]);

describe("nothing of a request reaches a file", () => {
  test("no name that somebody sends, in body, path or query of any endpoint, makes the process look at one", async () => {
    await send("/v1/score", "POST", { item: "1" });
    await send("/v1/events", "POST", { user: "warm", item: "1", rating: 1 });
    // Files of its own a page reads once.
    for (const file of ["swagger-ui-bundle.js", "swagger-ui.css"])
      await send(`/docs/${file}`, "GET", undefined);
    const before = await readdir(".");
    let files = 0;
    // Whatever Node asks the system about files, but for the calls that block, which the next test looks for.
    const hook = createHook({
      init(_, type) {
        if (/^(?:FS|FILEHANDLE)/.test(type)) files += 1;
      },
    });
    hook.enable();
    const secrets: string[] = [];
    for (const name of names) {
      const inPath = name.replaceAll(/\p{Cc}/gu, encodeURIComponent);
      for (const { method, path } of endpoints)
        for (const [at, body] of [
          ...bodies(name).map((each) => [path, each] as const),
          [`${path}?file=${encodeURIComponent(name)}`, { item: "1" }] as const,
          [`${path.replaceAll(/\{\w+\}/g, encodeURIComponent(name))}`, { item: "1" }] as const,
          [`${path}/${inPath}`, { item: "1" }] as const,
          [`/${inPath}`, { item: "1" }] as const,
        ]) {
          const response = await send(at, method, body);
          expect(declared, `${method} ${at} ${JSON.stringify(body).slice(0, 200)}`).toContain(
            response.status,
          );
          const text = await response.text();
          if (/root:|51317/.test(text)) secrets.push(`${at} ${text}`);
          expect(response.headers.get("set-cookie")).toBeNull();
        }
    }
    expect(files).toBe(0);
    await stat(folder);
    hook.disable();
    expect(files, "a look at a file is seen").toBeGreaterThan(0);
    expect(secrets).toEqual([]);
    expect(await readdir(".")).toEqual(before);
    // Nor can a name write lines of its own into the log.
    expect(lines.filter((line) => /^(?:set-cookie|x=1)/m.test(line))).toEqual([]);
  });

  test("the modules that read and write files are these, and none of them takes a name from a request", async () => {
    const source = join(import.meta.dirname, "..");
    const found: string[] = [];
    for (const file of await readdir(source, { recursive: true })) {
      if (!file.endsWith(".ts") || /\.test(?:-helper)?\.ts$/.test(file)) continue;
      if (
        /from "(?:node:fs|node:fs\/promises|@corella\/files)"/.test(
          await readFile(join(source, file), "utf8"),
        )
      )
        found.push(file.replaceAll("\\", "/"));
    }
    // Those of pages know the names that they serve; the others read what the command line names.
    expect(found.toSorted()).toEqual([
      "console/build.ts",
      "console/files.ts",
      "deployment/info.ts",
      "oip/protocol.ts",
      "openapi/page.ts",
      "operations/rotating-file.ts",
      "security/keys-file.ts",
    ]);
  });
});

describe("hostile requests", () => {
  const value = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.constantFrom<unknown>(...names.slice(0, 24), "", null, true, -1, 1e308, 1e-320, -0, 4e9, 1.5),
      fc.string({ unit: "binary", maxLength: 10 }),
      fc.double(),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom("item", "user", "rating", "__proto__", "time", "title"), tie("value"), {
        maxKeys: 3,
      }),
    ),
  })).value;
  const fields =
    "user item history earlier userAttributes itemAttributes context time llm samples events id rating label".split(
      " ",
    );
  const body = fc.oneof(
    fc
      .dictionary(fc.constantFrom(...fields), value, { maxKeys: 6 })
      .map((each) => JSON.stringify({ item: "1", ...each })),
    fc
      .array(fc.dictionary(fc.constantFrom(...fields), value, { maxKeys: 4 }), { maxLength: 3 })
      .map((list) => JSON.stringify({ samples: list })),
    // One character of a good body is another one.
    fc.tuple(fc.nat(), fc.string({ unit: "binary", minLength: 1, maxLength: 1 })).map(([at, character]) => {
      const good = '{"user":"ann","item":"1","history":[{"item":"2","rating":1e1,"time":5}],"llm":"auto"}';
      const place = at % good.length;
      return good.slice(0, place) + character + good.slice(place + 1);
    }),
    fc.string({ unit: "binary", maxLength: 50 }),
  );

  test("are answered by what is declared, as JSON, and never by an error of ours", async () => {
    const posts = endpoints.filter(({ method }) => method === "POST").map(({ path }) => path);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...posts), body, async (path, text) => {
        const response = await send(path, "POST", text);
        expect(declared).toContain(response.status);
        const told = (await response.json()) as object;
        expect("error" in told || "detail" in told).toBe(response.status !== 200);
        expect(JSON.stringify(told)).not.toMatch(/node_modules|\.ts:\d/);
      }),
      { numRuns: 400 },
    );
    expect(({} as { item?: string }).item).toBeUndefined();
  });

  test("headers of any kind let nobody in, and break nothing", async () => {
    const keyring = createKeyring([{ name: "a", sha256: hashOf("k"), scopes: ["score"] }]);
    const { app: closed } = world({
      security: createSecurity({
        keys: () => keyring,
        hosts: ["localhost"],
        trustedProxies: 1,
        limit: { requests: 1e6 },
      }),
    });
    const header = fc.oneof(
      fc.constantFrom(
        "Bearer ",
        "Bearer  ",
        "Bearer\tk",
        "Bearer k k",
        "Basic k",
        "k,k",
        "null",
        "undefined",
        "[object Object]",
      ),
      fc.string({
        unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
        maxLength: 40,
      }),
    );
    await fc.assert(
      fc.asyncProperty(header, header, header, header, async (authorization, key, forwarded, host) => {
        fc.pre(key.trim() !== "k" && authorization.trim() !== "Bearer k");
        const response = await closed.request("/v1/score", {
          method: "POST",
          headers: {
            "content-type": "application/json",
            authorization,
            "x-api-key": key,
            "x-forwarded-for": forwarded,
            host,
          },
          body: '{"item":"1"}',
        });
        expect([401, 403]).toContain(response.status);
      }),
      { numRuns: 300 },
    );
  });
});
