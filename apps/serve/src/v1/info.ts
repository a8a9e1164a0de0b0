import { z } from "zod";
import type { Deployments } from "../deployment/deployments.ts";
import type { Endpoint } from "../http/endpoint.ts";

const kind = z.looseObject({ kind: z.string() });
const responseSchema = z
  .strictObject({
    bundle: z.strictObject({ name: z.string(), version: z.string() }),
    models: z.strictObject({ crm: z.string().optional(), llm: z.string().optional() }),
    router: z.strictObject({ policy: kind, mix: kind }).optional(),
    routingCurve: z
      .strictObject({
        by: z.enum(["entropy", "gain"]),
        best: z.number(),
        points: z.array(
          z.strictObject({
            share: z.number(),
            threshold: z.number().nullable(),
            auc: z.number().nullable(),
            logLoss: z.number(),
            gain: z.number(),
            standardError: z.number().nullable(),
          }),
        ),
      })
      .optional(),
    features: z.array(z.strictObject({ name: z.string(), type: z.string() })).optional(),
    historyLength: z.int(),
    context: z.array(z.string()).optional(),
    ratings: z.array(z.number()).length(2).optional(),
    items: z.int(),
    users: z.int(),
  })
  .meta({ id: "ServiceInfo" });

/** What is served. */
export function infoEndpoint(deployments: Deployments): Endpoint {
  return {
    method: "GET",
    path: "/v1/info",
    purpose: "what is served: models, features, router",
    response: responseSchema,
    handle: (c) => c.json(deployments.of(undefined).info),
  };
}
