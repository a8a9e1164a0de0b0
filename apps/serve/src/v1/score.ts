import type { Deployments } from "../deployment/deployments.ts";
import { jsonBody } from "../http/body.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { takeSamples } from "../security/security.ts";
import { parseScoreRequest } from "./score-request.ts";

/** Probabilities of samples. */
export function scoreEndpoint(deployments: Deployments): Endpoint {
  return {
    method: "POST",
    path: "/v1/score",
    purpose: "probabilities of a sample, or of up to 1,000",
    async handle(c) {
      const startedMs = performance.now();
      const { samples, llm, isList } = parseScoreRequest(await jsonBody(c));
      await takeSamples(c, samples.length);
      const predictions = await deployments.score(samples, {
        llm,
        pathOf: (index) => (isList ? ["samples", index] : []),
        signal: c.req.raw.signal,
      });
      const latencyMs = Math.round((performance.now() - startedMs) * 1000) / 1000;
      return c.json(isList ? { predictions, latencyMs } : { ...predictions[0], latencyMs });
    },
  };
}
