import { z } from "zod";
import type { Deployments } from "../deployment/deployments.ts";
import type { Sample } from "../deployment/sample.ts";
import { jsonBody } from "../http/body.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { takeSamples } from "../security/security.ts";
import { parseChecked, parseJson } from "../http/json-body.ts";
import { answerFields, latencyMs, millisecondsSince, scoringProblems } from "./answer-schema.ts";
import { explanationFields } from "./explanation-schema.ts";
import { sampleFields } from "./sample-schema.ts";

const requestSchema: z.ZodType<Sample> = z.strictObject(sampleFields).meta({ id: "ExplainRequest" });
const responseSchema = z
  .strictObject({ ...answerFields, ...explanationFields, latencyMs })
  .meta({ id: "Explanation" });

/** What would be said of a sample, and why. */
export function explainEndpoint(deployments: Deployments): Endpoint {
  return {
    method: "POST",
    path: "/v1/explain",
    scope: "explain",
    purpose: "what is said of a sample and why: what the models read and say, and the router",
    request: requestSchema,
    example: () => deployments.of(undefined).example,
    response: responseSchema,
    problems: scoringProblems,
    async handle(c) {
      const startedMs = performance.now();
      await takeSamples(c, 1);
      const sample = parseChecked(requestSchema, parseJson(await jsonBody(c)));
      const explanation = await deployments.of(sample.user).explain(sample, { signal: c.req.raw.signal });
      return c.json({ ...explanation, latencyMs: millisecondsSince(startedMs) });
    },
  };
}
