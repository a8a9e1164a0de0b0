import { setTimeout as sleep } from "node:timers/promises";
import { CorellaError, formatError } from "@corella/errors";
import type { Context } from "hono";
import type { Deployment } from "./deployment/deployment.ts";
import type { Deployments } from "./deployment/deployments.ts";
import type { Endpoint } from "./http/endpoint.ts";
import { laneDown, problemOf } from "./http/problem.ts";
import type { Drain } from "./operations/drain.ts";
import type { Log } from "./operations/log.ts";

/** A store that takes longer is not there. */
const storeTimeoutMs = 2000;

/** Whether the process runs, and whether it should be sent requests: its models were warmed up and answer, and so does its store. */
export function healthEndpoints(deployments: Deployments, log: Log, drain?: Drain): Endpoint[] {
  const ready = async (c: Context): Promise<Response> => {
    try {
      if (drain?.begun === true) throw draining();
      await Promise.all(deployments.all().map((deployment, place) => check(deployment, place === 0)));
      return c.json({ status: "ready" });
    } catch (error) {
      const code = CorellaError.isInstance(error) ? error.code : "";
      const status = code === "serve/loading" ? "loading" : code === "serve/draining" ? "draining" : "failed";
      if (status === "failed") log(`not ready: ${formatError(error)}`, { level: "error" });
      const { body } = status === "failed" && !code.startsWith("store/") ? laneDown : problemOf(error);
      return c.json({ status, ...body }, 503);
    }
  };
  return [
    {
      method: "GET",
      path: "/health/live",
      purpose: "200 while the process runs",
      handle: (c) => c.json({ status: "live" }),
    },
    {
      method: "GET",
      path: "/health/ready",
      purpose: "200 when the models can answer, otherwise 503",
      handle: ready,
    },
  ];
}

/** One that is still being loaded gets no samples where another answers, so the server may be ready without it. */
async function check({ readiness, events }: Deployment, isFirst: boolean): Promise<void> {
  if (!isFirst && !readiness.isLoaded()) return;
  await readiness.check();
  if (events === undefined) return;
  const timeout = new AbortController();
  await Promise.race([
    events.state.update(),
    sleep(storeTimeoutMs, undefined, { signal: timeout.signal, ref: false }).then(() => {
      throw storeSlow();
    }),
  ]).finally(() => timeout.abort());
}

function storeSlow(): CorellaError {
  return new CorellaError({
    code: "store/unavailable",
    message: `The store did not answer within ${storeTimeoutMs} ms.`,
    remedy: "Look at the store, or at the way to it.",
  });
}

function draining(): CorellaError {
  return new CorellaError({
    code: "serve/draining",
    message: "The server is about to stop.",
    remedy: "Send requests to another.",
  });
}
