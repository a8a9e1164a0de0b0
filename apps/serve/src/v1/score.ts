import { z } from "zod";
import type { Deployments } from "../deployment/deployments.ts";
import { jsonBody } from "../http/body.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { takeSamples } from "../security/security.ts";
import { answerFields, latencyMs, millisecondsSince, scoringProblems } from "./answer-schema.ts";
import { parseScoreRequest, scoreRequestSchema } from "./score-request.ts";

const predictionSchema = z.strictObject(answerFields).meta({ id: "Prediction" });
const responseSchema = z
  .union([
    z.strictObject({ ...answerFields, latencyMs }),
    z.strictObject({ predictions: z.array(predictionSchema), latencyMs }),
  ])
  .meta({ id: "ScoreAnswer" });

/** Probabilities of samples. */
export function scoreEndpoint(deployments: Deployments): Endpoint {
  return {
    method: "POST",
    path: "/v1/score",
    purpose: "probabilities of a sample, or of up to 1,000",
    request: scoreRequestSchema,
    example: () => deployments.of(undefined).example,
    response: responseSchema,
    problems: ["serve/too-many-samples", "serve/no-model", ...scoringProblems],
    async handle(c) {
      const startedMs = performance.now();
      const { samples, llm, isList } = parseScoreRequest(await jsonBody(c));
      await takeSamples(c, samples.length);
      const predictions = await deployments.score(samples, {
        llm,
        pathOf: (index) => (isList ? ["samples", index] : []),
        signal: c.req.raw.signal,
      });
      const latency = { latencyMs: millisecondsSince(startedMs) };
      return c.json(isList ? { predictions, ...latency } : { ...predictions[0], ...latency });
    },
  };
}
