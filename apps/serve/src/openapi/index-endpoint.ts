import { z } from "zod";
import type { Deployments } from "../deployment/deployments.ts";
import { templatePath, type Endpoint } from "../http/endpoint.ts";

const responseSchema = z.strictObject({
  service: z.literal("corella"),
  endpoints: z.array(z.strictObject({ method: z.string(), path: z.string(), purpose: z.string() })),
  example: z.looseObject({ item: z.string() }),
});

/** The list of all endpoints, itself among them, and an example of a request. @param endpoints as they are when it is asked */
export function indexEndpoint(endpoints: readonly Endpoint[], deployments: Deployments): Endpoint {
  return {
    method: "GET",
    path: "/",
    purpose: "this list, and an example of a request",
    response: responseSchema,
    handle: (c) =>
      c.json({
        service: "corella",
        endpoints: endpoints.map((endpoint) => ({
          method: endpoint.method,
          path: templatePath(endpoint),
          purpose: endpoint.purpose,
        })),
        example: deployments.of(undefined).example,
      }),
  };
}
