import { setTimeout as pause } from "node:timers/promises";
import { median } from "../rounds.ts";
import { atConstantRate, latencyAt, statusesOf, type Answered } from "./constant-rate.ts";
import { rounded } from "./figures.ts";
import type { MeasureOptions } from "./measure.ts";
import { bodyOf } from "./requests.ts";
import { startOurs } from "./served.ts";

/** Latency of the CRM's answers at a constant rate. */
export async function constantRate({
  bundle,
  requests,
  seconds,
  perSecond,
  report,
}: MeasureOptions): Promise<object[]> {
  const ours = await startOurs(bundle);
  try {
    const load = { perSecond, bodyOf: bodyOf(requests, "never") };
    await atConstantRate(ours.url, { ...load, seconds: 1 });
    report(`constant-rate: ${perSecond} requests a second`);
    const answers = await atConstantRate(ours.url, { ...load, seconds });
    return [
      {
        name: `serve/constant-rate-${perSecond}`,
        unit: "ms",
        p50: latencyAt(0.5, answers),
        p99: latencyAt(0.99, answers),
        most: latencyAt(1, answers),
        sentLateMs: latencyAt(0.99, answers, "lateMs"),
        statuses: statusesOf(answers),
      },
    ];
  } finally {
    await ours.stop();
  }
}

/** Latency of the CRM's answers while the LLM works, against alone. */
export async function besideLlm({
  bundle,
  requests,
  rounds,
  seconds,
  perSecond,
  report,
}: MeasureOptions): Promise<object[]> {
  const ours = await startOurs(bundle);
  try {
    const turns: { alone: Answered[]; beside: Answered[] }[] = [];
    for (let round = 0; round <= rounds; round++) {
      report(`beside-llm: round ${round} of ${rounds}`);
      const turn = {
        alone: await atConstantRate(ours.url, { perSecond, seconds, bodyOf: bodyOf(requests, "never") }),
        beside: await atConstantRate(ours.url, { perSecond, seconds, bodyOf: bodyOf(requests, "tenth") }),
      };
      if (round > 0) turns.push(turn);
    }
    const ofCrm = (answers: readonly Answered[]): Answered[] =>
      answers.filter(({ index }) => index % 10 !== 0);
    const ofLlm = turns.flatMap(({ beside }) => beside.filter(({ index }) => index % 10 === 0));
    const p99 = turns.map(({ alone, beside }) => ({
      alone: latencyAt(0.99, ofCrm(alone))!,
      beside: latencyAt(0.99, ofCrm(beside))!,
    }));
    return [
      {
        name: `serve/beside-llm-${perSecond}`,
        unit: "ms",
        alone: rounded(median(p99.map(({ alone }) => alone))),
        beside: rounded(median(p99.map(({ beside }) => beside))),
        ratio: rounded(median(p99.map(({ alone, beside }) => beside / alone))),
        llm: { p50: latencyAt(0.5, ofLlm), p99: latencyAt(0.99, ofLlm), fallbacks: fallbacksOf(ofLlm) },
        statuses: statusesOf(turns.flatMap(({ alone, beside }) => [...alone, ...beside])),
      },
    ];
  } finally {
    await ours.stop();
  }
}

/** What becomes of requests when the LLM's thread ends. */
export async function threadKilled({
  bundle,
  requests,
  seconds,
  perSecond,
  report,
}: MeasureOptions): Promise<object[]> {
  const ours = await startOurs(bundle);
  try {
    const bodies = bodyOf(requests, "tenth");
    await atConstantRate(ours.url, { perSecond, seconds: 1, bodyOf: bodies });
    report("thread-killed: the LLM's thread ends after a third of the time");
    const killMs = (1000 * seconds) / 3;
    const loaded = atConstantRate(ours.url, { perSecond, seconds, bodyOf: bodies });
    await pause(killMs);
    ours.signal("SIGUSR2");
    const answers = await loaded;
    const ofLlm = answers.filter(({ index }) => index % 10 === 0);
    const failed = ofLlm.filter(({ body }) => body.includes('"fallback":"failed"'));
    return [
      {
        name: "serve/thread-killed",
        perSecond,
        statuses: statusesOf(answers),
        fallbacks: fallbacksOf(ofLlm),
        withoutLlmMs: failed.length === 0 ? null : Math.round(failed.at(-1)!.dueMs - failed[0]!.dueMs),
        crmMs: {
          p99: latencyAt(
            0.99,
            answers.filter(({ index }) => index % 10 !== 0),
          ),
        },
      },
    ];
  } finally {
    await ours.stop();
  }
}

function fallbacksOf(answers: readonly Answered[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { body } of answers) {
    const reason = /"fallback":"(\w+)"/.exec(body)?.[1] ?? "none";
    counts[reason] = (counts[reason] ?? 0) + 1;
  }
  return counts;
}
