import { formatError } from "@corella/errors";
import { Hono, type Context } from "hono";
import type { Deployments } from "./deployment/deployments.ts";
import { healthEndpoints } from "./health.ts";
import { limitedBody } from "./http/body.ts";
import type { Endpoint } from "./http/endpoint.ts";
import { isTimeout, problemOf } from "./http/problem.ts";
import { turnstile } from "./http/turnstile.ts";
import { methodsOf, unknownEndpoint } from "./http/unknown-endpoint.ts";
import { v1Endpoints } from "./v1/endpoints.ts";

/** How the HTTP surface behaves. */
export interface AppOptions {
  /** Takes a line for every request, and what goes wrong. */
  readonly log: (line: string) => void;
  /** Also logs the bodies of requests, which hold user ids. Default false. */
  readonly verbose?: boolean | undefined;
}

/** The whole HTTP surface; it needs no port to be tested. */
export function createApp(deployments: Deployments, { log, verbose = false }: AppOptions): Hono {
  const endpoints: Endpoint[] = [...v1Endpoints(deployments), ...healthEndpoints(deployments, log)];
  endpoints.push({
    method: "GET",
    path: "/",
    purpose: "this list",
    handle: (c) =>
      c.json({
        service: "corella",
        endpoints: endpoints.map(({ method, path, purpose }) => ({ method, path, purpose })),
        example: deployments.of(undefined).example,
      }),
  });
  const app = new Hono();
  app.use(async (c, next) => {
    const startedMs = performance.now();
    await next();
    const { bundle } = deployments.of(undefined).info;
    // Not `c.header`, which makes a stream of the answer's text.
    c.res.headers.set("corella-bundle", encodeURIComponent(bundle.name) + `/${bundle.version}`);
    // Hono's own `path` is decoded, and might hold line breaks.
    const path = new URL(c.req.url).pathname.slice(0, 200);
    log(`${c.req.method} ${path} ${c.res.status} ${(performance.now() - startedMs).toFixed(1)} ms`);
  });
  app.post("*", turnstile(), limitedBody);
  if (verbose) {
    app.post("*", async (c, next) => {
      const body = await c.req.arrayBuffer();
      log(`body ${JSON.stringify(new TextDecoder().decode(body.slice(0, 2000)))}`);
      await next();
    });
  }
  for (const { method, path, handle } of endpoints) app.on(method, path, handle);

  const answerError = (error: unknown, c: Context): Response => {
    // Nobody waits for an answer; the line of the request says so by the status that proxies use.
    if (hungUp(error) || c.req.raw.signal.aborted) return new Response(null, { status: 499 });
    const { status, body } = problemOf(error);
    if (status >= 500 && !["serve/loading", "serve/busy"].includes(body.error.code))
      log(isTimeout(error) ? `the LLM did not answer: ${error.message}` : formatError(error));
    if (status === 503) c.header("retry-after", body.error.code === "serve/busy" ? "1" : "5");
    if (status === 405) c.header("allow", methodsOf(endpoints, c.req.path).join(", "));
    return c.json(body, status);
  };
  app.onError(answerError);
  app.notFound((c) => answerError(unknownEndpoint(endpoints, c), c));
  return app;
}

/** Node's error of a body whose sender closed the connection. */
function hungUp(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ECONNRESET";
}
