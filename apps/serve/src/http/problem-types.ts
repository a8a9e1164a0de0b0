/** The HTTP statuses of problems. */
export type ProblemStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 429 | 500 | 503;

/** What every problem of one code has in common. */
export interface ProblemType {
  readonly status: ProblemStatus;
  /** In a few words. */
  readonly title: string;
  /** When it happens. */
  readonly meaning: string;
  /** What the sender does about it; the problem itself often says more. */
  readonly remedy: string;
}

/** All problems that requests may have, by code. Errors of other codes are defects: `serve/internal`. */
export const problemTypes: Readonly<Record<string, ProblemType>> = {
  "serve/bad-json": {
    status: 400,
    title: "No JSON",
    meaning: "The body is empty, not UTF-8, or not valid JSON.",
    remedy: "Send one JSON object in UTF-8; `place` tells the line and column.",
  },
  "serve/bad-field": {
    status: 400,
    title: "Bad field",
    meaning: "A field is missing, of another type, or beyond its limits.",
    remedy: "Mend the field that `place` names; GET /openapi.json has the types and limits of all.",
  },
  "serve/unknown-field": {
    status: 400,
    title: "Unknown field",
    meaning: "The body has a field, or a name of context, that is not known; nothing is ignored silently.",
    remedy: "Correct its name, or leave it out.",
  },
  "serve/unknown-event": {
    status: 400,
    title: "Unknown event",
    meaning:
      "The prompt says what was known before each event of a history, and of an event that the request tells that is not kept.",
    remedy: "Leave `history` out, or tell the events with the items and times of the data.",
  },
  "record/rating": {
    status: 400,
    title: "Rating beyond the scale",
    meaning: "An event has a rating that the bundle's data cannot have.",
    remedy: "Send ratings on the scale that GET /v1/info tells.",
  },
  "serve/too-many-samples": {
    status: 400,
    title: "Too many samples",
    meaning: "A request may bring up to 1,000 samples.",
    remedy: "Send them in several requests.",
  },
  "serve/too-many-events": {
    status: 400,
    title: "Too many events",
    meaning: "A request may bring up to 1,000 events.",
    remedy: "Send them in several requests.",
  },
  "serve/too-many-candidates": {
    status: 400,
    title: "Too many candidates",
    meaning:
      "A request may name up to 1,000 candidates; where it names none, the catalogue may have up to 1,000 items, or 10,000 without the LLM.",
    remedy: 'Name the candidates, or leave the LLM out by `"llm": "never"`.',
  },
  "serve/no-model": {
    status: 400,
    title: "No such model",
    meaning: "The request wants a model that the bundle has not.",
    remedy: "Leave `llm` out.",
  },
  "serve/no-number": {
    status: 400,
    title: "No number",
    meaning:
      "What a model says of a sample is not a number: its attributes, ratings or times hold numbers far beyond those of the data.",
    remedy: "Send numbers of the size that the data have.",
  },
  "store/bad-event": {
    status: 400,
    title: "Bad event",
    meaning: "An event cannot be kept: an id with a NUL, a time that has not come.",
    remedy: "Mend the event that `place` names.",
  },
  "serve/no-key": {
    status: 401,
    title: "No API key",
    meaning: "The server answers callers with an API key alone, and the request shows none.",
    remedy: "Send the header `authorization: Bearer <key>`, or `x-api-key: <key>`.",
  },
  "serve/bad-key": {
    status: 401,
    title: "Unknown API key",
    meaning: "The API key of the request is not known, or no longer.",
    remedy: "Ask whoever runs the server for a key.",
  },
  "serve/scope": {
    status: 403,
    title: "Key for something else",
    meaning: "The API key is known, and not for this endpoint.",
    remedy: "Use a key with the scope that `detail` names.",
  },
  "serve/foreign-host": {
    status: 403,
    title: "Foreign host",
    meaning: "The request is for a name that is not this server's.",
    remedy: "Ask by a name that the server knows; --allowed-hosts adds some.",
  },
  "serve/foreign-origin": {
    status: 403,
    title: "Foreign origin",
    meaning: "A page of another site sent the request.",
    remedy: "Ask from a server, or from a page of this one.",
  },
  "serve/not-found": {
    status: 404,
    title: "Not found",
    meaning: "Nothing is at this path.",
    remedy: "GET / lists what there is.",
  },
  "serve/no-store": {
    status: 404,
    title: "No store",
    meaning: "The server keeps no events.",
    remedy: "Start it with --store.",
  },
  "serve/method": {
    status: 405,
    title: "Other method",
    meaning: "The path does not know the method.",
    remedy: "Use one that the header `allow` names.",
  },
  "serve/reload-running": {
    status: 409,
    title: "Reload under way",
    meaning: "Another reload is not over: what it replaced is still needed by requests.",
    remedy: "Try again when it is.",
  },
  "serve/too-large": {
    status: 413,
    title: "Too large",
    meaning: "The body is larger than 1 MiB.",
    remedy: "Send less in a request.",
  },
  "serve/content-type": {
    status: 415,
    title: "Other content type",
    meaning: "The body does not say that it is JSON.",
    remedy: "Send the header `content-type: application/json`.",
  },
  "serve/content-encoding": {
    status: 415,
    title: "Compressed body",
    meaning: "The body is compressed, which this protocol does not read.",
    remedy: "Send it as it is.",
  },
  "serve/rate-limited": {
    status: 429,
    title: "Too many requests",
    meaning: "The caller asked for more in a second than it may.",
    remedy: "Ask again after the seconds of `retry-after`.",
  },
  "serve/internal": {
    status: 500,
    title: "Defect of the server",
    meaning: "The server failed at the request.",
    remedy: "Its log says why.",
  },
  "serve/reload-failed": {
    status: 500,
    title: "Reload failed",
    meaning: "A bundle could not be loaded; the one before is served on.",
    remedy: "Mend the bundle, and try again; the server's log says more.",
  },
  "serve/draining": {
    status: 503,
    title: "Stopping",
    meaning: "The server is about to stop, and still answers; only readiness says so.",
    remedy: "Send requests to another.",
  },
  "serve/loading": {
    status: 503,
    title: "Loading",
    meaning: "The models are being loaded.",
    remedy: "Try again after the seconds of `retry-after`; GET /health/ready says when.",
  },
  "serve/busy": {
    status: 503,
    title: "Busy",
    meaning: "More waits for the CRM, or the only model, than is kept, or the time for the request was up.",
    remedy: "Try again after the seconds of `retry-after`.",
  },
  "serve/lane-down": {
    status: 503,
    title: "Model down",
    meaning: "The CRM, or the only model, cannot answer at the moment.",
    remedy: "Try again after the seconds of `retry-after`; if it stays so, the server's log says why.",
  },
  "serve/store-down": {
    status: 503,
    title: "Store down",
    meaning: "The store of events does not answer at the moment.",
    remedy: "Try again after the seconds of `retry-after`, with the same ids of events.",
  },
};

/** The statuses of problems with these codes, ascending, each with its codes. */
export function statusesOf(codes: readonly string[]): ReadonlyMap<ProblemStatus, readonly string[]> {
  const statuses = new Map<ProblemStatus, string[]>();
  for (const code of codes) {
    const { status } = problemTypes[code]!;
    statuses.set(status, [...(statuses.get(status) ?? []), code]);
  }
  return new Map([...statuses].toSorted(([a], [b]) => a - b));
}
