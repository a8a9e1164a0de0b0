import { CorellaError } from "@corella/errors";
import { isTimeout } from "@corella/serving";
import type { Context } from "hono";
import { z } from "zod";
import { problemTypes, type ProblemStatus } from "./problem-types.ts";

/** The content type of problems (RFC 9457). */
export const problemContentType = "application/problem+json";

/** What every answer holds that is not a success (RFC 9457). */
export interface Problem {
  /** Where this server describes all problems of this code. */
  readonly type: string;
  /** The same for all problems of this code. */
  readonly title: string;
  readonly status: ProblemStatus;
  /** What is wrong with this request. */
  readonly detail: string;
  /** For programs. */
  readonly code: string;
  /** Where in the request, or which path: `samples[3].history[0].rating`. */
  readonly place?: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** The schema of problems. */
export const problemSchema: z.ZodType = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    place: z.string().optional(),
    remedy: z.string(),
  })
  .meta({ id: "Problem" });

/** The path that describes the problems of a code. */
export function problemPath(code: string): string {
  return `/problems/${code}`;
}

/** An error as a problem. What a sender cannot mend is told without internals: they belong in the log. */
export function problemOf(error: unknown): Problem {
  if (CorellaError.isInstance(error)) {
    const { code, message, place, remedy } = error;
    if (Object.hasOwn(problemTypes, code)) return problem(code, message, { place, remedy });
    // A thread that ended, a server of the LLM that fails.
    if (code === "bundle/lane" || code.startsWith("llm/remote-")) return general("serve/lane-down");
    if (code.startsWith("store/")) return general("serve/store-down");
  }
  return general(isTimeout(error) ? "serve/lane-down" : "serve/internal");
}

/** The problem of a code of which nothing more may be said than its meaning. */
export function general(code: string): Problem {
  return problem(code, problemTypes[code]!.meaning);
}

function problem(
  code: string,
  detail: string,
  said: { readonly place?: string | undefined; readonly remedy?: string | undefined } = {},
): Problem {
  const { status, title, remedy } = problemTypes[code]!;
  return {
    type: problemPath(code),
    title,
    status,
    detail,
    code,
    ...(said.place === undefined ? {} : { place: said.place }),
    remedy: said.remedy ?? remedy,
  };
}

/** A problem as the answer to a request, with the headers that were set for it. */
export function problemResponse(c: Context, told: Problem): Response {
  return c.body(JSON.stringify(told), told.status, { "content-type": problemContentType });
}

/** Seconds after which a request may be sent again that was answered with 503. */
export function retryAfterOf(error: unknown): string {
  return CorellaError.isInstance(error) && error.code === "serve/busy" ? "1" : "5";
}
