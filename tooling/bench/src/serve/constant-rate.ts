import { Agent, request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

/** An answer, or its lack. */
export interface Answered {
  /** Which request it was, from 0. */
  readonly index: number;
  /** 0: no answer. */
  readonly status: number;
  readonly body: string;
  readonly retryAfter: string | undefined;
  /** Milliseconds since the run's start at which it should have been sent. */
  readonly dueMs: number;
  /** How much later it was sent: where that is much, this process did not keep up, and latencies say nothing. */
  readonly lateMs: number;
  /** From when it should have been sent: a server that is behind makes later ones wait, which counts. */
  readonly latencyMs: number;
}

/** What is sent, and how often. */
export interface ConstantRate {
  readonly perSecond: number;
  readonly seconds: number;
  readonly bodyOf: (index: number) => string;
}

/**
 * Sends requests at a constant rate, whether they are answered or not, and waits for all answers: wrk asks only as fast as it is
 * answered, and would not see an overload.
 */
export async function atConstantRate(
  url: string,
  { perSecond, seconds, bodyOf }: ConstantRate,
): Promise<Answered[]> {
  const agent = new Agent({ keepAlive: true });
  const count = Math.round(perSecond * seconds);
  const answers: Promise<Answered>[] = [];
  const startedMs = performance.now();
  while (answers.length < count) {
    const elapsedMs = performance.now() - startedMs;
    const due = Math.min(count, Math.floor((elapsedMs * perSecond) / 1000) + 1);
    for (let index = answers.length; index < due; index++) {
      const dueMs = (1000 * index) / perSecond;
      const lateMs = performance.now() - startedMs - dueMs;
      answers.push(
        ask(`${url}/v1/score`, agent, bodyOf(index)).then((answer) => ({
          ...answer,
          index,
          dueMs,
          lateMs,
          latencyMs: performance.now() - startedMs - dueMs,
        })),
      );
    }
    await pause(1);
  }
  const all = await Promise.all(answers);
  agent.destroy();
  return all;
}

type Answer = Pick<Answered, "status" | "body" | "retryAfter">;

function ask(url: string, agent: Agent, body: string): Promise<Answer> {
  return new Promise((resolve) => {
    const failed = (): void => resolve({ status: 0, body: "", retryAfter: undefined });
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request(url, { method: "POST", agent, headers, timeout: 60_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("error", failed);
      response.on("end", () =>
        resolve({ status: response.statusCode!, body: text, retryAfter: response.headers["retry-after"] }),
      );
    });
    sent.on("error", failed);
    sent.on("timeout", () => sent.destroy());
    sent.end(body);
  });
}

/** A quantile of latencies in milliseconds; null of none. @param of latencies, or how late requests were sent */
export function latencyAt(
  quantile: number,
  answers: readonly Answered[],
  of: "latencyMs" | "lateMs" = "latencyMs",
): number | null {
  const sorted = answers.map((answer) => answer[of]).sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))];
  return value === undefined ? null : Number(value.toPrecision(3));
}

/** How many answers have each status. */
export function statusesOf(answers: readonly Answered[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
