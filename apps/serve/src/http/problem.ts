import { CorellaError } from "@corella/errors";

/** What every answer that is not a success holds. */
export interface Problem {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly place?: string;
    readonly remedy?: string;
  };
}

/** The HTTP statuses of problems. */
export type ProblemStatus = 400 | 404 | 405 | 409 | 413 | 415 | 500 | 503;

/** Errors that are the sender's, by HTTP status. All others are ours. */
const statusByCode: Readonly<Record<string, ProblemStatus>> = {
  "serve/bad-json": 400,
  "serve/unknown-field": 400,
  "serve/unknown-event": 400,
  "serve/bad-field": 400,
  "serve/too-many-samples": 400,
  "record/rating": 400,
  "serve/too-many-events": 400,
  "serve/no-model": 400,
  "store/bad-event": 400,
  "serve/not-found": 404,
  "serve/no-store": 404,
  "serve/method": 405,
  "serve/reload-running": 409,
  "serve/too-large": 413,
  "serve/content-type": 415,
  "serve/reload-failed": 500,
  "serve/loading": 503,
  "serve/draining": 503,
};

/** An error as status and body. What a sender cannot mend is told without internals: they belong in the log. */
export function problemOf(error: unknown): { readonly status: ProblemStatus; readonly body: Problem } {
  if (CorellaError.isInstance(error)) {
    const status = statusByCode[error.code];
    if (status !== undefined) {
      const { code, message, place, remedy } = error;
      return {
        status,
        body: {
          error: {
            code,
            message,
            ...(place === undefined ? {} : { place }),
            ...(remedy === undefined ? {} : { remedy }),
          },
        },
      };
    }
    // A thread that ended, a server of the LLM that fails.
    if (error.code === "bundle/lane" || error.code.startsWith("llm/remote-")) return laneDown;
    if (error.code.startsWith("store/")) return storeDown;
  }
  if (isTimeout(error)) return laneDown;
  return internal;
}

/** Whether a model was waited for until its time was up. */
export function isTimeout(error: unknown): error is Error {
  return error instanceof Error && error.name === "TimeoutError";
}

/** The answer while a model cannot be had. */
export const laneDown: { readonly status: 503; readonly body: Problem } = {
  status: 503,
  body: {
    error: {
      code: "serve/lane-down",
      message: "A model cannot answer at the moment.",
      remedy: "Try again; if it stays so, the server's log says why.",
    },
  },
};

const storeDown = {
  status: 503,
  body: {
    error: {
      code: "serve/store-down",
      message: "The store of events does not answer at the moment.",
      remedy: "Try again, with the same ids of events; if it stays so, the server's log says why.",
    },
  },
} as const;

const internal = {
  status: 500,
  body: {
    error: {
      code: "serve/internal",
      message: "The server failed at this request.",
      remedy: "The server's log says why.",
    },
  },
} as const;
