import { CorellaError, formatError } from "@corella/errors";
import type { Context } from "hono";
import type { Deployments } from "./deployment/deployments.ts";
import type { Endpoint } from "./http/endpoint.ts";
import { laneDown, problemOf } from "./http/problem.ts";

/** Whether the process runs, and whether its models can answer. */
export function healthEndpoints(deployments: Deployments, log: (line: string) => void): Endpoint[] {
  const ready = async (c: Context): Promise<Response> => {
    try {
      await Promise.all(deployments.all().map(({ readiness }) => readiness.check()));
      return c.json({ status: "ready" });
    } catch (error) {
      const loading = CorellaError.isInstance(error) && error.code === "serve/loading";
      if (!loading) log(`not ready: ${formatError(error)}`);
      const { body } = loading ? problemOf(error) : laneDown;
      return c.json({ status: loading ? "loading" : "failed", ...body }, 503);
    }
  };
  return [
    {
      method: "GET",
      path: "/health/live",
      scope: "none",
      purpose: "200 while the process runs",
      handle: (c) => c.json({ status: "live" }),
    },
    {
      method: "GET",
      path: "/health/ready",
      scope: "none",
      purpose: "200 when the models can answer, otherwise 503",
      handle: ready,
    },
  ];
}
