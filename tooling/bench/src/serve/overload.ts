import { setTimeout as pause } from "node:timers/promises";
import { atConstantRate, latencyAt, statusesOf, type Answered } from "./constant-rate.ts";
import { rounded } from "./figures.ts";
import type { MeasureOptions } from "./measure.ts";
import { bodyOf } from "./requests.ts";
import { startOurs } from "./served.ts";
import { createWrk, requireWrk } from "./wrk.ts";

/** A request of the overload, which is many samples so that the load costs little beside the server. */
const overloadSamples = 200;
const overloadFactor = 10;

/** More samples than are answered: what becomes of memory, of the accepted, and when single requests are as before. */
export async function overload({
  bundle,
  folder,
  requests,
  seconds,
  report,
}: MeasureOptions): Promise<object[]> {
  requireWrk();
  const { samples } = requests;
  const lists = Array.from({ length: 20 }, (_, i) => ({
    samples: Array.from(
      { length: overloadSamples },
      (_unused, j) => samples[(i * overloadSamples + j) % samples.length]!,
    ),
    llm: "never",
  }));
  const ask = await createWrk(folder, "lists", lists);
  const ours = await startOurs(bundle);
  try {
    const single = { perSecond: 20, bodyOf: bodyOf(requests, "never") };
    await atConstantRate(ours.url, { ...single, seconds: 1 });
    const before = latencyAt(
      0.99,
      await atConstantRate(ours.url, { ...single, seconds: Math.min(5, seconds) }),
    )!;
    report("overload: how much is answered");
    const { perSecond: most } = await ask(ours.url, { connections: 4, seconds });
    const memory = { before: ours.memoryMb(), most: ours.memoryMb() };
    const watch = setInterval(() => (memory.most = Math.max(memory.most, ours.memoryMb())), 200);
    const perSecond = Math.max(1, Math.round(overloadFactor * most));
    report(`overload: ${perSecond} requests of ${overloadSamples} samples a second for ${6 * seconds} s`);
    const texts = lists.map((list) => JSON.stringify(list));
    const loaded = atConstantRate(ours.url, {
      perSecond,
      seconds: 6 * seconds,
      bodyOf: (index) => texts[index % texts.length]!,
    });
    await pause(6000 * seconds);
    const probes = await atConstantRate(ours.url, { ...single, seconds: 5 });
    const answers = await loaded;
    clearInterval(watch);
    const accepted = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status === 429 || status === 503);
    // As before, but for what a busy machine does to single requests.
    const isNormal = ({ status, latencyMs }: Answered): boolean =>
      status === 200 && latencyMs < Math.max(20, 3 * before);
    const lastBad = probes.findLastIndex((probe) => !isNormal(probe));
    return [
      {
        name: "serve/overload",
        capacityPerSecond: rounded(most),
        offeredPerSecond: perSecond,
        samplesPerRequest: overloadSamples,
        seconds: 6 * seconds,
        statuses: statusesOf(answers),
        acceptedPerSecond: rounded(accepted.length / lastSecond(answers)),
        sentLateMs: latencyAt(0.99, answers, "lateMs"),
        acceptedMs: { p50: latencyAt(0.5, accepted), p99: latencyAt(0.99, accepted) },
        refusedMs: { p50: latencyAt(0.5, refused), p99: latencyAt(0.99, refused) },
        refusedWithRetryAfter: refused.filter(({ retryAfter }) => retryAfter !== undefined).length,
        memoryMb: { before: Math.round(memory.before), most: Math.round(memory.most) },
        recoveredAfterMs: lastBad === probes.length - 1 ? null : Math.round(probes[lastBad + 1]!.dueMs),
      },
    ];
  } finally {
    await ours.stop();
  }
}

/** When the last answer came, in seconds since the start. */
function lastSecond(answers: readonly Answered[]): number {
  return Math.max(...answers.map(({ dueMs, latencyMs }) => dueMs + latencyMs)) / 1000;
}
