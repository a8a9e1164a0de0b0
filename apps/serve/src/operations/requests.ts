import { randomUUID } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import type { Deployments } from "../deployment/deployments.ts";
import { setAnswerHeader } from "../http/answer-header.ts";
import { bundleName } from "../http/bundle-name.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { keyNameOfRequest } from "../security/security.ts";
import type { Drain } from "./drain.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { type RequestContext, requestContext } from "./request-context.ts";
import type { Tracing } from "./tracing.ts";

/** What sees requests pass. */
export interface RequestObservers {
  readonly deployments: Deployments;
  readonly endpoints: readonly Endpoint[];
  readonly log: Log;
  readonly metrics?: Metrics | undefined;
  readonly tracing?: Tracing | undefined;
  readonly drain?: Drain | undefined;
}

/** Ids that others may choose: they stand in logs and headers. */
const requestId = /^[\w.:+/=-]{1,128}$/;

/**
 * Gives every request an id, and tells log, metrics and traces of it by its endpoint's pattern: what stands in a path, a user or a
 * key names no series. Every answer says by header which request and which bundles it is of.
 */
export function observeRequests(observers: RequestObservers): MiddlewareHandler {
  const { deployments, endpoints, log, metrics, tracing, drain } = observers;
  // Names of models may hold any number of `/`: the Open Inference Protocol is one pattern.
  const patterns = new Set([...endpoints.map(({ path }) => path), "/v2/*"]);
  return async (c, next) => {
    const startedMs = performance.now();
    const leave = deployments.enter();
    const told = c.req.header("x-request-id") ?? "";
    const context: RequestContext = {
      id: requestId.test(told) ? told : randomUUID(),
      answeredBy: new Set(),
    };
    const endpoint =
      matchedRoutes(c)
        .map(({ path }) => path)
        .findLast((path) => patterns.has(path)) ?? "unknown";
    const method = c.req.method;
    const work = async (): Promise<void> => {
      await next();
      const { status } = c.res;
      const bundles = [...context.answeredBy];
      setAnswerHeader(
        c,
        "corella-bundle",
        bundles.join(", ") || bundleName(deployments.of(undefined).info.bundle),
      );
      setAnswerHeader(c, "x-request-id", context.id);
      if (drain?.begun === true) setAnswerHeader(c, "connection", "close");
      const ms = performance.now() - startedMs;
      // Hono's own `path` is decoded, and might hold line breaks.
      const path = new URL(c.req.url).pathname.slice(0, 200);
      const key = keyNameOfRequest(c);
      log(`${method} ${path} ${status} ${ms.toFixed(1)} ms${key === undefined ? "" : ` by ${key}`}`, {
        endpoint,
        method,
        status,
        ms: Math.round(1000 * ms) / 1000,
        ...(bundles.length === 0 ? {} : { bundles }),
        ...(key === undefined ? {} : { key }),
        ...tracing?.ids(),
      });
      metrics?.request({ endpoint, method, status, seconds: ms / 1000 });
      tracing?.answered(status);
    };
    try {
      await requestContext.run(context, () =>
        tracing === undefined
          ? work()
          : tracing.request({ method, endpoint, header: (name) => c.req.header(name) }, work),
      );
    } finally {
      leave();
    }
  };
}
