import { CorellaError, formatError } from "@corella/errors";
import { isTimeout } from "@corella/serving";
import { Hono, type Context } from "hono";
import type { Console } from "./console/console.ts";
import { consoleEndpoints } from "./console/endpoints.ts";
import type { Deployments } from "./deployment/deployments.ts";
import { healthEndpoints } from "./health.ts";
import { limitedBody } from "./http/body.ts";
import { errorsAt, type Endpoint } from "./http/endpoint.ts";
import { problemOf, problemResponse, retryAfterOf } from "./http/problem.ts";
import { problemEndpoints } from "./http/problems.ts";
import { turnstile } from "./http/turnstile.ts";
import { methodsOf, unknownEndpoint } from "./http/unknown-endpoint.ts";
import { openApiEndpoints } from "./openapi/endpoints.ts";
import { indexEndpoint } from "./openapi/index-endpoint.ts";
import { openInferenceProtocol } from "./oip/protocol.ts";
import { type Operations, operationsEndpoints } from "./operations/endpoints.ts";
import type { Log } from "./operations/log.ts";
import { observeRequests } from "./operations/requests.ts";
import { createSecurity, type Security } from "./security/security.ts";
import { v1Endpoints } from "./v1/endpoints.ts";

/** How the HTTP surface behaves. */
export interface AppOptions {
  /** Takes a line for every request, and what goes wrong. */
  readonly log: Log;
  /** Also logs the bodies of requests, which hold user ids. Default false. */
  readonly verbose?: boolean | undefined;
  /** Who may ask, and how much. Default: anybody, anything. */
  readonly security?: Security | undefined;
  /** Served at /console; undefined: there is none. */
  readonly console?: Console | undefined;
  /** What else watches and steers the server. Default: nothing. */
  readonly operations?: Operations | undefined;
}

/** The whole HTTP surface; it needs no port to be tested. */
export function createApp(
  deployments: Deployments,
  { log, verbose = false, security = createSecurity(), console, operations = {} }: AppOptions,
): Hono {
  const oip = openInferenceProtocol(deployments, { log });
  const endpoints: Endpoint[] = [
    ...v1Endpoints(deployments),
    ...oip.endpoints,
    ...healthEndpoints(deployments, log, operations.drain),
    ...operationsEndpoints(operations),
    ...problemEndpoints,
    ...(console === undefined ? [] : consoleEndpoints(console)),
  ];
  endpoints.push(...openApiEndpoints(endpoints), indexEndpoint(endpoints, deployments));
  const app = new Hono();
  app.use(observeRequests({ ...operations, deployments, endpoints, log }));
  app.use(security.site);
  // Who names no candidates ranks the whole catalogue.
  app.post("*", turnstile({ alone: ["/v1/rank"] }));
  // Names of models may hold any number of `/`, so what is under /v2 is guarded and answered as a whole.
  for (const [path, scope] of oip.scopes) app.all(path, security.guard(scope));
  // Before the limit of bodies: tensors have one of their own.
  app.all("/v2/*", oip.handle);
  for (const { method, path, scope } of endpoints) app.on(method, path, security.guard(scope ?? "score"));
  app.post("*", limitedBody);
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
    const told = errorsAt(endpoints, c.req.path);
    const response = told === undefined ? problemResponse(c, problemOf(error)) : told(error, c);
    const code = CorellaError.isInstance(error) ? error.code : "";
    if (response.status >= 500 && !["serve/loading", "serve/busy"].includes(code))
      log(isTimeout(error) ? `the LLM did not answer: ${error.message}` : formatError(error), {
        level: "error",
      });
    if (response.status === 503) response.headers.set("retry-after", retryAfterOf(error));
    if (response.status === 405) response.headers.set("allow", methodsOf(endpoints, c.req.path).join(", "));
    return response;
  };
  app.onError(answerError);
  app.notFound((c) => answerError(unknownEndpoint(endpoints, c), c));
  return app;
}

/** Node's error of a body whose sender closed the connection. */
function hungUp(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ECONNRESET";
}
