import { CorellaError, nearestName } from "@corella/errors";
import { z } from "zod";
import type { Endpoint } from "./endpoint.ts";
import { problemPath } from "./problem.ts";
import { problemTypes } from "./problem-types.ts";

const typeSchema = z
  .strictObject({
    type: z.string(),
    code: z.string(),
    status: z.int(),
    title: z.string(),
    meaning: z.string(),
    remedy: z.string(),
  })
  .meta({ id: "ProblemType" });

/** What the `type` of a problem leads to. */
export const problemEndpoints: readonly Endpoint[] = [
  {
    method: "GET",
    path: "/problems",
    scope: "none",
    purpose: "all problems that a request may have",
    response: z.strictObject({ problems: z.array(typeSchema) }),
    handle: (c) => c.json({ problems: Object.keys(problemTypes).map(describe) }),
  },
  {
    method: "GET",
    path: "/problems/:area/:name",
    scope: "none",
    purpose: "what a problem means, and what to do about it",
    response: typeSchema,
    problems: ["serve/not-found"],
    handle(c) {
      const code = `${c.req.param("area")}/${c.req.param("name")}`;
      if (Object.hasOwn(problemTypes, code)) return c.json(describe(code));
      const near = nearestName(code, Object.keys(problemTypes));
      throw new CorellaError({
        code: "serve/not-found",
        message: "There is no such problem.",
        place: c.req.path.slice(0, 200),
        remedy: near === undefined ? "GET /problems lists them." : `Did you mean ${problemPath(near)}?`,
      });
    },
  },
];

function describe(code: string): z.infer<typeof typeSchema> {
  const { status, title, meaning, remedy } = problemTypes[code]!;
  return { type: problemPath(code), code, status, title, meaning, remedy };
}
