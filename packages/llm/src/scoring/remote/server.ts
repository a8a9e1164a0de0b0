import { setTimeout } from "node:timers/promises";
import { CorellaError } from "@corella/errors";
import pLimit from "p-limit";
import { backoffMs, retryAfterMs } from "./backoff.ts";

/**
 * Where an OpenAI-compatible server is (vLLM, llama.cpp's server, or what speaks like them), and how patient its client
 * is.
 */
export interface RemoteServerOptions {
  /** Up to and with the version, for example `http://localhost:8000/v1`. */
  readonly baseUrl: string;
  /** The environment variable that holds the API key. The key itself is in no option, message or error. */
  readonly apiKeyVariable?: string | undefined;
  /** Further headers of every attempt, such as a trace's; asked for in the asynchronous context of the call. */
  readonly headers?: (() => Readonly<Record<string, string>>) | undefined;
  /** The longest that one attempt may take. Default 60,000. */
  readonly timeoutMs?: number | undefined;
  /** Attempts after the first. Default 5. */
  readonly retries?: number | undefined;
  /** The longest wait before a second attempt; it doubles with every further one. Default 500. */
  readonly firstDelayMs?: number | undefined;
  /** No wait is longer, also where the server asks for more: then the call fails. Default 30,000. */
  readonly longestDelayMs?: number | undefined;
  /** Requests under way at once, over all calls. Default 16. */
  readonly concurrency?: number | undefined;
}

/** A connection to an OpenAI-compatible server, which limits and repeats requests. */
export interface RemoteServer {
  readonly baseUrl: string;
  /**
   * Posts JSON and returns the answer's text, once `accept` has read it: what `accept` throws is a damaged answer, which is asked for
   * again. @throws CorellaError `llm/remote-…`, or the signal's reason
   */
  post<Answer>(
    path: string,
    body: object,
    accept: (text: string) => Answer,
    signal?: AbortSignal,
  ): Promise<Answer>;
}

/** Statuses after which the same request may succeed. */
const passing = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * A client of an OpenAI-compatible server. Nothing is sent yet.
 * @throws CorellaError `llm/remote-url`, `llm/remote-key`
 */
export function connectServer(options: RemoteServerOptions): RemoteServer {
  const baseUrl = checkedUrl(options.baseUrl);
  const key = apiKey(options.apiKeyVariable);
  const retries = options.retries ?? 5;
  const longestDelayMs = options.longestDelayMs ?? 30_000;
  const timeoutMs = options.timeoutMs ?? 60_000;
  const limit = pLimit(options.concurrency ?? 16);
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (key !== undefined) headers["authorization"] = `Bearer ${key}`;

  /** One attempt: the answer, or a failure that says whether another one makes sense. */
  const attempt = async <Answer>(
    url: string,
    body: string,
    accept: (text: string) => Answer,
    signal: AbortSignal | undefined,
  ): Promise<{ answer: Answer } | Failure> => {
    const timeout = AbortSignal.timeout(timeoutMs);
    const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
    let response: Response;
    let text: string;
    try {
      const all = { ...options.headers?.(), ...headers };
      response = await fetch(url, { method: "POST", headers: all, body, signal: either });
      text = await response.text();
    } catch (cause) {
      signal?.throwIfAborted();
      return timeout.aborted
        ? {
            code: "llm/remote-timeout",
            message: `The server did not answer within ${timeoutMs} ms`,
            again: true,
          }
        : {
            code: "llm/remote-unreachable",
            message: `The server cannot be reached: ${reasonOf(cause)}`,
            again: true,
          };
    }
    if (!response.ok) {
      return {
        code: response.status === 429 ? "llm/remote-busy" : "llm/remote-status",
        message: `The server answered ${response.status}${excerpt(text, key)}`,
        again: passing.has(response.status),
        waitMs: retryAfterMs(response.headers.get("retry-after"), Date.now()),
      };
    }
    const refusal = errorIn(text);
    if (refusal !== undefined) {
      return {
        code: "llm/remote-status",
        message: `The server answered ${response.status} with an error${excerpt(refusal.words, key)}`,
        again: passing.has(refusal.status),
      };
    }
    try {
      return { answer: accept(text) };
    } catch (cause) {
      if (CorellaError.isInstance(cause)) throw cause;
      return {
        code: "llm/remote-answer",
        message: `The answer is damaged (${cause instanceof SyntaxError ? "not JSON" : "not of the expected shape"})${excerpt(text, key)}`,
        again: true,
      };
    }
  };

  const persistent = async <Answer>(
    url: string,
    body: string,
    accept: (text: string) => Answer,
    signal: AbortSignal | undefined,
  ): Promise<Answer> => {
    for (let tries = 1; ; tries++) {
      signal?.throwIfAborted();
      const result = await attempt(url, body, accept, signal);
      if ("answer" in result) return result.answer;
      const askedMs = result.waitMs ?? 0;
      if (!result.again || tries > retries || askedMs > longestDelayMs) throw asError(result, url, tries);
      // On top of what the server asks for, which it asks of all its clients.
      const backoff = backoffMs(tries, options.firstDelayMs ?? 500, longestDelayMs, Math.random());
      const delayMs = Math.min(askedMs + backoff, longestDelayMs);
      // An abort ends the wait early; the next attempt then throws the signal's reason.
      await setTimeout(delayMs, undefined, { signal }).catch(() => {});
    }
  };
  return {
    baseUrl,
    post: (path, body, accept, signal) =>
      limit(() => persistent(`${baseUrl}${path}`, JSON.stringify(body), accept, signal)),
  };
}

/** The error that an answer tells in its body, whatever its status says: `error`, or vLLM's `object: "error"`. */
function errorIn(text: string): { readonly words: string; readonly status: number } | undefined {
  if (!/^\s*\{[^]*"error"/.test(text)) return undefined;
  let body: Record<string, unknown>;
  try {
    body = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const error = body["object"] === "error" ? body : body["error"];
  if (error === undefined || error === null || error === false || error === "") return undefined;
  if (typeof error !== "object") return { words: String(error), status: Number.NaN };
  const { message, code, status } = error as Record<string, unknown>;
  return {
    words: typeof message === "string" ? message : JSON.stringify(error),
    status: Number(code ?? status),
  };
}

interface Failure {
  readonly code: string;
  /** Without the full stop. */
  readonly message: string;
  readonly again: boolean;
  /** What the server asks for. */
  readonly waitMs?: number | undefined;
}

function asError({ code, message, again }: Failure, url: string, tries: number): CorellaError {
  return new CorellaError({
    code,
    message: `${message}${tries > 1 ? `, after ${tries} attempts` : ""}.`,
    place: url,
    remedy: again
      ? "Check that the server runs at this address and has room; a longer timeoutMs or a smaller concurrency may help."
      : "Check the address, the model's name and the API key.",
  });
}

/** Ends without a slash; user and password have no business in a URL that errors show. */
function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "")
    return text.replace(/\/+$/, "");
  throw new CorellaError({
    code: "llm/remote-url",
    message: "The address of the server is not an http or https URL without user and password.",
    place: "baseUrl",
    remedy: "Give it as http://localhost:8000/v1, and a key by apiKeyVariable.",
  });
}

function apiKey(variable: string | undefined): string | undefined {
  if (variable === undefined) return undefined;
  const key = process.env[variable];
  if (key !== undefined && key !== "") return key;
  throw new CorellaError({
    code: "llm/remote-key",
    message: `The environment variable ${variable}, which holds the server's API key, is not set.`,
    place: "apiKeyVariable",
    remedy: "Set the variable, or leave the option out for a server without keys.",
  });
}

/** What a server says about its error, cut, and without the key, which some servers repeat. */
function excerpt(text: string, key: string | undefined): string {
  const clean = (key === undefined ? text : text.replaceAll(key, "***")).replace(/\s+/g, " ").trim();
  return clean === "" ? "" : `: ${clean.length > 300 ? `${clean.slice(0, 300)}…` : clean}`;
}

/** fetch hides the reason one level down. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
