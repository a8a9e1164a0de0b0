import type { Degradation, Histories, Predictor } from "@corella/bundle";
import { CorellaError, formatError, nearestName } from "@corella/errors";
import { type Catalogue, requireRatings } from "@corella/modality";
import { Hono, type Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { completeRecords, type EventsSince } from "./complete-record.ts";
import { parseEventsRequest } from "./events-request.ts";
import type { ServiceInfo } from "./info.ts";
import { policyOf } from "./llm-use.ts";
import { isTimeout, laneDown, problemOf } from "./problem.ts";
import { createReadiness } from "./readiness.ts";
import { parseScoreRequest, requireKnownContext, type Sample } from "./score-request.ts";

/** What the HTTP surface is made of. */
export interface AppParts {
  /** May still be loading: until then /health/ready and /v1/score answer 503. */
  readonly predictor: Predictor | Promise<Predictor>;
  readonly histories: Histories;
  readonly catalogue: Catalogue;
  /** Takes events, and knows those since the bundle's log ended; undefined: POST /v1/events is refused. */
  readonly events?: EventsSince | undefined;
  readonly info: ServiceInfo;
  /** A request that GET / shows: it can be answered. */
  readonly example: Sample;
  /** Takes a line for every request, and what goes wrong. */
  readonly log: (line: string) => void;
  /** Also logs the bodies of score requests, which hold user ids. Default false. */
  readonly verbose?: boolean;
  /** Wait for the LLM before the CRM's answer is given, or without a CRM an error. Default 30,000. */
  readonly llmTimeoutMs?: number;
}

const maxBodyBytes = 1_048_576;

const endpoints = [
  { method: "POST", path: "/v1/score", purpose: "probabilities of a sample, or of up to 1,000" },
  { method: "POST", path: "/v1/events", purpose: "what users did: durable, and known to the next score" },
  { method: "GET", path: "/v1/info", purpose: "what is served: models, features, router" },
  { method: "GET", path: "/health/live", purpose: "200 while the process runs" },
  { method: "GET", path: "/health/ready", purpose: "200 when the models can answer, otherwise 503" },
  { method: "GET", path: "/", purpose: "this list" },
] as const;

/** The whole HTTP surface; it needs no port to be tested. */
export function createApp(parts: AppParts): Hono {
  const { info, log, verbose = false, llmTimeoutMs = 30_000 } = parts;
  const readiness = createReadiness(parts.predictor, {
    probe: { user: null, item: parts.catalogue.ids[0] ?? "probe", history: [] },
    hasCrm: info.models.crm !== undefined,
  });
  const app = new Hono();
  const noteDegraded = (degraded: Degradation | undefined): void => {
    if (degraded === undefined) return;
    const { reason, cause } = degraded;
    // Slowness and prompts that are too long say nothing about the model.
    if (isLaneFailure(cause)) readiness.suspect();
    const why = reason === "failed" ? formatError(cause) : (cause as Error).message;
    log(`the LLM did not answer, the CRM did: ${why}`);
  };

  app.use(async (c, next) => {
    const startedMs = performance.now();
    await next();
    c.header("corella-bundle", encodeURIComponent(info.bundle.name) + `/${info.bundle.version}`);
    // Hono's own `path` is decoded, and might hold line breaks.
    const path = new URL(c.req.url).pathname.slice(0, 200);
    log(`${c.req.method} ${path} ${c.res.status} ${(performance.now() - startedMs).toFixed(1)} ms`);
  });

  app.get("/", (c) => c.json({ service: "corella", endpoints, example: parts.example }));
  app.get("/v1/info", (c) => c.json(info));
  app.get("/health/live", (c) => c.json({ status: "live" }));
  app.get("/health/ready", async (c) => {
    try {
      await readiness.check();
      return c.json({ status: "ready" });
    } catch (error) {
      const loading = CorellaError.isInstance(error) && error.code === "serve/loading";
      if (!loading) log(`not ready: ${formatError(error)}`);
      const { body } = loading ? problemOf(error) : laneDown;
      return c.json({ status: loading ? "loading" : "failed", ...body }, 503);
    }
  });

  const limited = bodyLimit({
    maxSize: maxBodyBytes,
    onError: () => {
      throw tooLarge();
    },
  });
  const bodyOf = async (c: Context): Promise<ArrayBuffer> => {
    checkContentType(c);
    const body = await c.req.arrayBuffer();
    if (verbose) log(`body ${JSON.stringify(new TextDecoder().decode(body.slice(0, 2000)))}`);
    return body;
  };
  const requireRatingsOf = (events: readonly { readonly rating: number }[], place: string): void => {
    if (info.ratings !== undefined) requireRatings(events, info.ratings, (index) => `${place}[${index}]`);
  };
  app.post("/v1/events", limited, async (c) => {
    if (parts.events === undefined) throw noStore();
    const events = parseEventsRequest(await bodyOf(c), info.context ?? []);
    requireRatingsOf(events, "events");
    const { added, repeated } = await parts.events.state.append(events);
    return c.json({ added, repeated });
  });
  app.post("/v1/score", limited, async (c) => {
    const startedMs = performance.now();
    const request = parseScoreRequest(await bodyOf(c));
    requireKnownContext(request, info.context ?? []);
    for (const [index, { history = [] }] of request.samples.entries())
      requireRatingsOf(history, `${request.isList ? `samples[${index}].` : ""}history`);
    const completed = await completeRecords(request.samples, parts);
    const policy = policyOf(request.llm, info.models);
    const predictions = await readiness.predictor().score(
      completed.map(({ record }) => record),
      { policy, signal: c.req.raw.signal, llmSignal: AbortSignal.timeout(llmTimeoutMs) },
    );
    noteDegraded(predictions.find(({ degraded }) => degraded !== undefined)?.degraded);
    const answers = predictions.map(({ degraded, ...prediction }, row) => ({
      ...prediction,
      ...(degraded === undefined ? {} : { degraded: true }),
      ...(completed[row]!.coldStart ? { coldStart: true } : {}),
      ...(completed[row]!.unknownItem ? { unknownItem: true } : {}),
    }));
    const latencyMs = Math.round((performance.now() - startedMs) * 1000) / 1000;
    return c.json(request.isList ? { predictions: answers, latencyMs } : { ...answers[0], latencyMs });
  });

  const answerError = (error: unknown, c: Context): Response => {
    // Nobody waits for an answer; the line of the request says so by the status that proxies use.
    if (hungUp(error) || c.req.raw.signal.aborted) return new Response(null, { status: 499 });
    const { status, body } = problemOf(error);
    const { code } = body.error;
    if (status >= 500 && code !== "serve/loading")
      log(isTimeout(error) ? `the LLM did not answer: ${error.message}` : formatError(error));
    if (isLaneFailure(error)) readiness.suspect();
    if (status === 503) c.header("retry-after", "5");
    if (status === 405) c.header("allow", methodsOf(c.req.path).join(", "));
    return c.json(body, status);
  };
  app.onError(answerError);
  app.notFound((c) => answerError(unknownEndpoint(c), c));
  return app;
}

/** Node's error of a body whose sender closed the connection. */
function hungUp(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ECONNRESET";
}

function isLaneFailure(error: unknown): boolean {
  return CorellaError.isInstance(error) && error.code === "bundle/lane";
}

/** Browsers send JSON across origins only after asking, which this server does not grant. */
function checkContentType(c: Context): void {
  const type = c.req.header("content-type") ?? "";
  if (/^application\/json *(;|$)/i.test(type)) return;
  throw new CorellaError({
    code: "serve/content-type",
    message: type === "" ? "The request has no content type." : `The content type is ${type.slice(0, 100)}.`,
    place: "content-type",
    remedy: "Send the header content-type: application/json.",
  });
}

function noStore(): CorellaError {
  return new CorellaError({
    code: "serve/no-store",
    message: "This server keeps no events.",
    place: "/v1/events",
    remedy: "Start it with --store and the path of a file, or the URL of a Redis server.",
  });
}

function tooLarge(): CorellaError {
  return new CorellaError({
    code: "serve/too-large",
    message: `The body is larger than ${maxBodyBytes} bytes.`,
    remedy: "Send the samples in several requests.",
  });
}

function methodsOf(path: string): readonly string[] {
  return endpoints.filter((endpoint) => endpoint.path === path).map(({ method }) => method);
}

function unknownEndpoint(c: Context): CorellaError {
  const { method, path } = c.req;
  const allowed = methodsOf(path);
  if (allowed.length > 0) {
    return new CorellaError({
      code: "serve/method",
      message: `${path} does not know ${method}.`,
      place: path,
      remedy: `Use ${allowed.join(" or ")}.`,
    });
  }
  const near = nearestName(
    path,
    endpoints.map((endpoint) => endpoint.path),
  );
  return new CorellaError({
    code: "serve/not-found",
    message: "There is no such endpoint.",
    place: path.slice(0, 200),
    remedy: near === undefined || near === "/" ? "GET / lists them." : `Did you mean ${near}?`,
  });
}
