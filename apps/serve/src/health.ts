import { CorellaError, formatError } from "@corella/errors";
import type { Context } from "hono";
import { z } from "zod";
import type { Deployments } from "./deployment/deployments.ts";
import type { Endpoint } from "./http/endpoint.ts";
import { general, problemOf } from "./http/problem.ts";

const notReadySchema = z.strictObject({
  status: z.enum(["loading", "failed"]),
  code: z.string(),
  detail: z.string(),
  remedy: z.string(),
});

/** Whether the process runs, and whether its models can answer. */
export function healthEndpoints(deployments: Deployments, log: (line: string) => void): Endpoint[] {
  const ready = async (c: Context): Promise<Response> => {
    try {
      await Promise.all(deployments.all().map(({ readiness }) => readiness.check()));
      return c.json({ status: "ready" });
    } catch (error) {
      const loading = CorellaError.isInstance(error) && error.code === "serve/loading";
      if (!loading) log(`not ready: ${formatError(error)}`);
      const { code, detail, remedy } = loading ? problemOf(error) : general("serve/lane-down");
      return c.json({ status: loading ? "loading" : "failed", code, detail, remedy }, 503);
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
