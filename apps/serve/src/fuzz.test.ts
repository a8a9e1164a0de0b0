import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStoreHealth } from "./deployment/store-health.ts";
import { openServedState, openStore } from "@corella/store";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { OpenApiDocument } from "./openapi/document.ts";
import { valuesOf } from "./openapi/schema-values.test-helper.ts";
import { servedBundle, world } from "./world.test-helper.ts";

/** How many requests, other ones at each run. Left out: few enough for every day, always the same. */
const asked = process.env["CORELLA_FUZZ_REQUESTS"];
const requests = Number(asked ?? 2000);

interface FuzzedRequest {
  readonly method: string;
  readonly url: string;
  readonly type: string | undefined;
  readonly body: string | Uint8Array<ArrayBuffer> | undefined;
}

/** Values as JSON, mostly whole, else cut off or with characters too many; and what is none. */
function bodiesOf(values: fc.Arbitrary<unknown>): fc.Arbitrary<FuzzedRequest["body"]> {
  const whole = values.map((value) => JSON.stringify(value));
  const damaged = fc
    .tuple(whole, fc.nat(200), fc.string({ maxLength: 2 }), fc.boolean())
    .map(([json, at, more, cut]) => json.slice(0, at) + more + (cut ? "" : json.slice(at)));
  return fc.oneof(
    { weight: 12, arbitrary: whole },
    { weight: 2, arbitrary: damaged },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Uint8Array.from(bytes)) },
    { weight: 1, arbitrary: fc.constantFrom("", "[".repeat(5000), '{"item":1e999}', "NaN", "\uFEFF{}") },
  );
}

function fuzzedRequests(document: OpenApiDocument): fc.Arbitrary<FuzzedRequest> {
  const segments = fc.oneof(
    fc.constantFrom("serve", "bad-field", "start.js", "..", "%2e%2e%2f", "%00", "%ff", "constructor"),
    fc.webSegment(),
  );
  const methods = fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS");
  // The Open Inference Protocol has its own damaged requests (oip/mangled.test.ts).
  const paths = Object.entries(document.paths).filter(([path]) => !path.startsWith("/v2"));
  const operations = paths.flatMap(([path, byMethod]) =>
    Object.entries(byMethod).map(([method, { requestBody }]) => {
      const schema = requestBody?.content["application/json"]?.schema;
      const arbitrary = fc.record({
        method: fc.oneof(
          { weight: 12, arbitrary: fc.constant(method.toUpperCase()) },
          { weight: 1, arbitrary: methods },
        ),
        url: fc
          .tuple(segments, segments)
          .map(([first, second]) => path.replace(/\{\w+\}/, first).replace(/\{\w+\}/, second)),
        body: bodiesOf(schema === undefined ? fc.constant({}) : valuesOf(schema, document)),
      });
      // What takes a body is asked more often.
      return { weight: schema === undefined ? 1 : 6, arbitrary };
    }),
  );
  const known = fc.oneof(...operations);
  const unknown = fc.record({
    method: methods,
    url: fc.webPath().map((path) => (path.startsWith("/") ? path : `/${path}`)),
    body: fc.constant(undefined),
  });
  const types = fc.oneof(
    { weight: 20, arbitrary: fc.constant("application/json") },
    {
      weight: 1,
      arbitrary: fc.constantFrom(undefined, "text/plain", "application/json; charset=x", "application/jsonx"),
    },
  );
  return fc
    .tuple(fc.oneof({ weight: 30, arbitrary: known }, { weight: 1, arbitrary: unknown }), types)
    .map(([request, type]) => ({ ...request, type }));
}

test(
  "whatever is asked, the server answers with a status and body that it declares, and has no defect",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "corella-fuzz-"));
    const store = await openStore(join(folder, "events.db"));
    const state = await openServedState(store, servedBundle);
    const { app } = world({
      events: { state, health: createStoreHealth(() => {}), historyLength: 3, ties: "exclude" },
      info: { ...world().info, context: ["device"] },
    });
    const document = (await (await app.request("/openapi.json")).json()) as OpenApiDocument;
    const statuses = new Map<string, number>();
    const send = async ({ method, url, type, body }: FuzzedRequest): Promise<void> => {
      // It throws where the answer is not as declared.
      const response = await app.request(`http://server${url}`, {
        method,
        headers: type === undefined ? {} : { "content-type": type },
        ...(method === "GET" || method === "HEAD" || body === undefined ? {} : { body }),
      });
      const { status } = response;
      expect(status, `${method} ${url}`).toBeLessThan(500);
      const key = `${method} ${url} ${status}`;
      statuses.set(key, (statuses.get(key) ?? 0) + 1);
    };
    const seed = asked === undefined ? { seed: 18 } : {};
    await fc.assert(fc.asyncProperty(fuzzedRequests(document), send), { numRuns: requests, ...seed });
    // The requests are no nonsense: every endpoint has taken some of them, and refused some.
    for (const path of ["/v1/score", "/v1/rank", "/v1/explain", "/v1/events"])
      for (const status of [200, 400])
        expect(statuses.get(`POST ${path} ${status}`) ?? 0, `${path} ${status}`).toBeGreaterThan(
          requests / 100,
        );
    await state.close();
    await store.close();
    await rm(folder, { recursive: true });
  },
  60_000 + 30 * requests,
);
