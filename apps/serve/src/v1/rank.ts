import { z } from "zod";
import type { Deployments } from "../deployment/deployments.ts";
import { jsonBody } from "../http/body.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { takeSamples } from "../security/security.ts";
import { answerFields, latencyMs, millisecondsSince, scoringProblems } from "./answer-schema.ts";
import { allCandidates, parseRankRequest, rankRequestSchema } from "./rank-request.ts";

const rankedSchema = z
  .strictObject({ rank: z.int().positive(), item: z.string(), ...answerFields })
  .meta({ id: "RankedItem" });
const responseSchema = z.strictObject({ items: z.array(rankedSchema), latencyMs }).meta({ id: "RankAnswer" });

/** Items for one user, the likeliest first. */
export function rankEndpoint(deployments: Deployments): Endpoint {
  return {
    method: "POST",
    path: "/v1/rank",
    purpose: "one user's candidates, or the catalogue, the likeliest first",
    request: rankRequestSchema,
    example() {
      const { catalogue, example } = deployments.of(undefined);
      const { item, itemAttributes: _, ...asked } = example;
      return { ...asked, candidates: [item, ...catalogue.ids.slice(0, 3)] };
    },
    response: responseSchema,
    problems: ["serve/too-many-candidates", "serve/no-model", ...scoringProblems],
    async handle(c) {
      const startedMs = performance.now();
      const { asked, candidates, top, llm } = parseRankRequest(await jsonBody(c));
      const { catalogue } = deployments.of(asked.user);
      // All tell the same history, which is completed once and goes to each model once.
      const samples = (candidates ?? allCandidates(catalogue, llm)).map((item) => ({ ...asked, ...item }));
      await takeSamples(c, samples.length);
      const answers = await deployments.score(samples, { llm, signal: c.req.raw.signal });
      // Stable: of equal ones the earlier candidate is first.
      const order = [...answers.keys()].sort((a, b) => answers[b]!.probability - answers[a]!.probability);
      const items = order
        .slice(0, top)
        .map((at, i) => ({ rank: i + 1, item: samples[at]!.item, ...answers[at]! }));
      return c.json({ items, latencyMs: millisecondsSince(startedMs) });
    },
  };
}
