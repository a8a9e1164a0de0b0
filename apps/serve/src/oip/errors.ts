import { CorellaError, formatError } from "@corella/errors";
import type { Context } from "hono";
import { problemOf, retryAfterOf } from "../http/problem.ts";
import type { ProblemStatus } from "../http/problem-types.ts";

/** The HTTP statuses of what can be wrong with a request of the Open Inference Protocol, by code. */
const statuses = {
  "oip/bad-request": 400,
  "oip/bad-tensor": 400,
  "oip/unknown-model": 404,
  "oip/not-found": 404,
  "oip/method": 405,
  "oip/too-large": 413,
  "oip/encoding": 415,
  "oip/model-control": 503,
  "oip/expired": 503,
} as const;

/** The code of an error that only this protocol has. */
export type OipErrorCode = keyof typeof statuses;

/** Makes an error of this protocol; its message begins as Triton's does, for programs that look at it. */
export function oipError(code: OipErrorCode, message: string, remedy?: string): CorellaError {
  return new CorellaError({ code, message, remedy });
}

/** Triton's texts for a server that has too much to do: nothing more fits, or the time was up. */
const [queueFull, timeUp] = ["Exceeds maximum queue size. Try again in a moment.", "Request timeout expired"];

/** What a sender may know of an error. */
interface Told {
  readonly status: ProblemStatus;
  readonly text: string;
  /** The sender is not told what went wrong: the log is. */
  readonly isInternal: boolean;
}

/**
 * Answers an error as clients of the protocol read it: `application/json` and nothing more, with a text as its `error`, uncompressed.
 * tritonclient cannot print another `error` than a text, and KServe's client shows none of another content type.
 * @param log takes what the sender is not told
 */
export function errorResponse(error: unknown, c: Context, log: (line: string) => void): Response {
  const { status, text, isInternal } = told(error);
  if (isInternal) log(formatError(error));
  if (status === 503) c.header("retry-after", retryAfterOf(error));
  return c.json({ error: text }, status);
}

/** The status by which an error is answered. */
export function statusOf(error: unknown): ProblemStatus {
  return told(error).status;
}

function told(error: unknown): Told {
  const { status } = problemOf(error);
  if (CorellaError.isInstance(error)) {
    const { code } = error;
    const own = Object.hasOwn(statuses, code) ? statuses[code as OipErrorCode] : undefined;
    if (own !== undefined) return { status: own, text: textOf(error), isInternal: false };
    if (code === "serve/busy") {
      const isFull = CorellaError.isInstance(error.cause) && error.cause.code === "serving/full";
      return { status, text: isFull ? queueFull : timeUp, isInternal: false };
    }
    if (status < 500 || code === "serve/loading") return { status, text: textOf(error), isInternal: false };
  }
  const text =
    status === 503
      ? "The model cannot answer at the moment. Try again; if it stays so, the server's log says why."
      : "The server failed at this request. Its log says why.";
  return { status, text, isInternal: true };
}

function textOf({ code, message, place, remedy }: CorellaError): string {
  const said = place === undefined || message.includes(place) ? message : `${message} (${place})`;
  // Those show requests of another protocol.
  const isForeign = code === "serve/bad-json" || code === "serve/bad-field";
  return remedy === undefined || isForeign ? said : `${said} ${remedy}`;
}
