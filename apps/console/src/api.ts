// What the server says, as far as this page reads it, and how it is asked. All addresses are relative to the page: same origin.
import { sessionKey } from "./session-key.ts";

/** A user's event as a sample tells it. */
export interface HistoryEvent {
  readonly item: string;
  readonly rating: number;
  /** Seconds since 1970. */
  readonly time?: number;
}

/** Which samples the LLM answers. */
export type Policy =
  | { readonly kind: "threshold"; readonly entropy: number }
  | { readonly kind: "budget"; readonly share: number }
  | { readonly kind: "gain"; readonly above: number }
  | { readonly kind: "none" | "all" };

/** How two answers become one. */
export type Mix =
  | { readonly kind: "replace"; readonly calibration?: object }
  | {
      readonly kind: "addLogits";
      readonly weight: number;
      readonly bias?: number;
      readonly segments?: object;
    };

/** A point of the routing curve, on validation rows. */
export interface CurvePoint {
  readonly share: number;
  readonly threshold: number | null;
  readonly auc: number | null;
  readonly logLoss: number;
  readonly gain: number;
  readonly standardError: number | null;
}

/** GET /v1/info. */
export interface Info {
  readonly bundle: { readonly name: string; readonly version: string };
  readonly models: { readonly crm?: string; readonly llm?: string };
  readonly router?: { readonly policy: Policy; readonly mix: Mix };
  readonly routingCurve?: {
    readonly by: "entropy" | "gain";
    readonly best: number;
    readonly points: readonly CurvePoint[];
  };
  readonly historyLength: number;
  readonly ratings?: readonly [lowest: number, highest: number];
  readonly items: number;
  readonly users: number;
}

/** An item as a search finds it. */
export interface FoundItem {
  readonly item: string;
  readonly title?: string;
}

/** A user as a search finds it. */
export interface FoundUser {
  readonly user: string;
  readonly events: number;
}

/** GET /v1/users/{user}. */
export interface KnownUser {
  readonly user: string;
  readonly attributes?: Readonly<Record<string, string | number | readonly string[]>>;
  readonly history: readonly (HistoryEvent & { readonly title?: string })[];
  readonly earlier: number;
}

/** Who asks: a known user, with or without a history of our own, or somebody invented. */
export interface Asker {
  readonly user?: string;
  /** Left out: the one that the server knows. */
  readonly history?: readonly HistoryEvent[];
}

/** Whether the LLM may answer. */
export type LlmUse = "auto" | "never" | "always";

/** What the models say of an item. */
export interface Judgement {
  readonly item?: string;
  readonly probability: number;
  readonly route?: string;
  readonly entropy?: number;
  readonly pCrm?: number;
  readonly pLlm?: number;
  readonly degraded?: unknown;
  /** Why the CRM answers what was the LLM's. */
  readonly fallback?: string;
  readonly missing?: readonly string[];
  readonly unknownItem?: boolean;
  readonly coldStart?: boolean;
}

/** An item of POST /v1/rank's answer. */
export interface Ranked extends Judgement {
  readonly rank: number;
  readonly item: string;
}

/**
 * POST /v1/explain: how an answer comes about, both models asked whatever the router says. Only what is drawn is named here; all else is
 * shown as it comes.
 */
export interface Explanation extends Partial<Judgement> {
  readonly routing?: { readonly why?: string; readonly [other: string]: unknown };
  /** What both answers would be together. */
  readonly mix?: { readonly probability?: number; readonly [other: string]: unknown };
  readonly prompt?: { readonly text?: string; readonly [other: string]: unknown };
  readonly features?: unknown;
  readonly record?: unknown;
  readonly [other: string]: unknown;
}

/** An answer that is not a success. */
export class ApiError extends Error {
  readonly status: number;
  readonly remedy: string | undefined;

  constructor(status: number, message: string, remedy?: string) {
    super(message);
    this.status = status;
    this.remedy = remedy;
  }
}

/** The bundle, its models and router. */
export const getInfo = (): Promise<Info> => json("v1/info");

/** Items by a part of their id or title; without one, those with most events. */
export const findItems = async (query: string, limit: number): Promise<readonly FoundItem[]> =>
  (await json<{ items: FoundItem[] }>(`v1/items?${new URLSearchParams({ query, limit: String(limit) })}`))
    .items;

/** Users by a part of their id; without one, some. */
export const findUsers = async (query: string, limit: number): Promise<readonly FoundUser[]> =>
  (await json<{ users: FoundUser[] }>(`v1/users?${new URLSearchParams({ query, limit: String(limit) })}`))
    .users;

/** What is known of a user. */
export const getUser = (user: string): Promise<KnownUser> => json(`v1/users/${encodeURIComponent(user)}`);

/** Candidates in the order of their probabilities. */
export const rank = (
  asker: Asker,
  candidates: readonly string[],
  llm: LlmUse,
): Promise<{ readonly items: readonly Ranked[]; readonly latencyMs?: number }> =>
  json("v1/rank", { ...asker, candidates, llm });

/** How the answer to one item comes about. */
export const explain = (asker: Asker, item: string): Promise<Explanation> =>
  json("v1/explain", { ...asker, item });

/** The server's metrics, in Prometheus' text format. */
export const getMetrics = async (): Promise<string> => (await request("metrics")).text();

async function json<T>(path: string, body?: object): Promise<T> {
  return (await request(path, body)).json() as Promise<T>;
}

/** Asks the server; where it wants a key, the visitor is asked for one. */
async function request(path: string, body?: object): Promise<Response> {
  for (;;) {
    const used = sessionKey.current();
    const response = await fetch(new URL(`../${path}`, document.baseURI), {
      method: body === undefined ? "GET" : "POST",
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(used === undefined ? {} : { authorization: `Bearer ${used}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      credentials: "omit",
    });
    if (response.ok) return response;
    if (response.status !== 401) throw await problemOf(response);
    // Another request may have asked meanwhile.
    if (used === sessionKey.current()) await sessionKey.ask(used !== undefined);
  }
}

async function problemOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  const failed = `The server answered ${response.status}.`;
  try {
    const { detail, remedy } = JSON.parse(text) as { readonly detail?: string; readonly remedy?: string };
    return new ApiError(response.status, detail ?? failed, remedy);
  } catch {
    return new ApiError(response.status, failed);
  }
}
