import { CorellaError, formatError } from "@corella/errors";
import type { Context } from "hono";
import { z } from "zod";
import type { Deployment } from "./deployment/deployment.ts";
import type { Deployments } from "./deployment/deployments.ts";
import type { Endpoint } from "./http/endpoint.ts";
import { general, problemOf } from "./http/problem.ts";
import type { Drain } from "./operations/drain.ts";
import type { Log } from "./operations/log.ts";

const notReadySchema = z.strictObject({
  status: z.enum(["loading", "draining", "failed"]),
  code: z.string(),
  detail: z.string(),
  remedy: z.string(),
});

/**
 * Whether the process runs, and whether it should be sent requests: its models were warmed up and answer. Without its store it answers too,
 * and says so: that all servers of one store are taken away at once would help nobody.
 */
export function healthEndpoints(deployments: Deployments, log: Log, drain?: Drain): Endpoint[] {
  const ready = async (c: Context): Promise<Response> => {
    try {
      if (drain?.begun === true) throw draining();
      await Promise.all(deployments.all().map((deployment, place) => check(deployment, place === 0)));
      return c.json({ status: "ready" });
    } catch (error) {
      const known = CorellaError.isInstance(error) ? error.code : "";
      const status =
        known === "serve/loading" ? "loading" : known === "serve/draining" ? "draining" : "failed";
      if (status === "failed") log(`not ready: ${formatError(error)}`, { level: "error" });
      const { code, detail, remedy } = status === "failed" ? general("serve/lane-down") : problemOf(error);
      return c.json({ status, code, detail, remedy }, 503);
    }
  };
  return [
    {
      method: "GET",
      path: "/health/live",
      scope: "none",
      purpose: "200 while the process runs",
      response: z.strictObject({ status: z.literal("live") }),
      handle: (c) => c.json({ status: "live" }),
    },
    {
      method: "GET",
      path: "/health/ready",
      scope: "none",
      purpose: "200 when the models can answer, otherwise 503",
      response: z.strictObject({ status: z.literal("ready") }),
      otherResponses: { 503: notReadySchema },
      handle: ready,
    },
  ];
}

/** One that is still being loaded gets no samples where another answers, so the server may be ready without it. */
async function check({ readiness }: Deployment, isFirst: boolean): Promise<void> {
  if (isFirst || readiness.isLoaded()) await readiness.check();
}

function draining(): CorellaError {
  return new CorellaError({
    code: "serve/draining",
    message: "The server is about to stop.",
    remedy: "Send requests to another.",
  });
}
