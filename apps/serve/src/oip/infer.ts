import type { Context } from "hono";
import type { Answer, Deployment } from "../deployment/deployment.ts";
import { takeSamples } from "../security/security.ts";
import { oipError, statusOf } from "./errors.ts";
import { type InferRequest, parseInferRequest } from "./infer-request.ts";
import { encodeResponse, sendResponse } from "./infer-response.ts";
import { readBody } from "./request-body.ts";
import type { Statistics } from "./statistics.ts";

/** The longest that timers can wait, in milliseconds. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Answers an inference request.
 * @throws CorellaError those of `readBody`, `parseInferRequest` and `Deployment.score`; `oip/expired`
 */
export async function infer(c: Context, deployment: Deployment, statistics: Statistics): Promise<Response> {
  const { bundle } = deployment.info;
  const arrivedMs = performance.now();
  const request = parseInferRequest(await readBody(c), bundle.name);
  await takeSamples(c, request.samples.length);
  const readMs = performance.now();
  let answers: Answer[];
  try {
    answers = await scoreInTime(c, deployment, request, arrivedMs);
  } catch (error) {
    // What the sender can mend was refused before a model was asked.
    if (statusOf(error) >= 500) statistics.failed(deployment, performance.now() - arrivedMs);
    throw error;
  }
  const scoredMs = performance.now();
  const response = encodeResponse(answers, request, bundle);
  statistics.succeeded(deployment, answers.length, {
    inputMs: readMs - arrivedMs,
    inferMs: scoredMs - readMs,
    outputMs: performance.now() - scoredMs,
  });
  return sendResponse(c, response);
}

/** Scores until the request's own time is up, counted from when it arrived. */
async function scoreInTime(
  c: Context,
  deployment: Deployment,
  { samples, pathOf, llm, timeoutUs }: InferRequest,
  arrivedMs: number,
): Promise<Answer[]> {
  const { signal } = c.req.raw;
  if (timeoutUs === undefined) return deployment.score(samples, { llm, pathOf, signal });
  const leftMs = Math.ceil(timeoutUs / 1000 - (performance.now() - arrivedMs));
  if (leftMs <= 0) throw expired(timeoutUs);
  const deadline = AbortSignal.timeout(Math.min(leftMs, longestTimerMs));
  try {
    return await deployment.score(samples, { llm, pathOf, signal: AbortSignal.any([signal, deadline]) });
  } catch (error) {
    throw deadline.aborted ? expired(timeoutUs) : error;
  }
}

function expired(timeoutUs: number): Error {
  return oipError("oip/expired", `Request timeout expired: there was no answer within ${timeoutUs} µs.`);
}
