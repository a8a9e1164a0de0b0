import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { median } from "../rounds.ts";
import { atConstantRate, latencyAt, statusesOf, type Answered } from "./constant-rate.ts";
import type { Requests } from "./requests.ts";
import { startOurs, startPeer } from "./served.ts";
import { createWrk, requireWrk, type WrkResult } from "./wrk.ts";

/** What all measures need. */
export interface MeasureOptions {
  readonly bundle: string;
  /** A folder of files for the peer and wrk. */
  readonly folder: string;
  readonly requests: Requests;
  readonly rounds: number;
  /** Of each turn; overload lasts six times as long. */
  readonly seconds: number;
  /** Requests a second of the measures at a constant rate. */
  readonly perSecond: number;
  readonly report: (progress: string) => void;
}

/** A measure: a name, what it shows, and its JSON lines. */
export interface ServeMeasure {
  readonly name: string;
  readonly what: string;
  readonly needsLlm?: true;
  run(options: MeasureOptions): Promise<object[]>;
}

const home = process.env["CORELLA_PEERS"] ?? join(homedir(), ".cache", "corella-peers");
const python = join(home, "fastapi", "bin", "python");
/** One thread is the fastest for a model this small, on both sides. */
const peerThreads = 1;
/** A request of the overload, which is many samples so that the load costs little beside the server. */
const overloadSamples = 200;
const overloadFactor = 10;

/** All measures of `pnpm bench serve`. */
export const serveMeasures: readonly ServeMeasure[] = [
  {
    name: "requests",
    what: "requests a second of one sample, 1 and 32 connections, in turn with FastAPI + uvicorn + onnxruntime",
    run: throughput,
  },
  { name: "constant-rate", what: "latency of the CRM's answers at a constant rate", run: constantRate },
  {
    name: "beside-llm",
    what: "latency of the CRM's answers while every tenth sample goes to the LLM",
    needsLlm: true,
    run: besideLlm,
  },
  {
    name: "overload",
    what: "ten times as many samples as are answered: memory, latency of the accepted, recovery",
    run: overload,
  },
  {
    name: "thread-killed",
    what: "the LLM's thread ends in mid-load: every request is answered",
    needsLlm: true,
    run: threadKilled,
  },
];

async function throughput({
  bundle,
  folder,
  requests,
  rounds,
  seconds,
  report,
}: MeasureOptions): Promise<object[]> {
  requireWrk();
  const { samples, expected } = requests;
  const ask = await createWrk(folder, "samples", samples);
  const askCrm = await createWrk(
    folder,
    "crm-samples",
    samples.map((sample) => ({ ...sample, llm: "never" })),
  );
  const peerIsHere = existsSync(python);
  const ours = await startOurs(bundle);
  const peer = peerIsHere ? await startPeer(python, folder, peerThreads) : undefined;
  try {
    const results: object[] = [];
    const largestDifference = {
      ours: await differenceOf(
        ours.url,
        samples.map((sample) => ({ ...sample, llm: "never" })),
        expected,
      ),
      peer: peer === undefined ? null : await differenceOf(peer.url, samples, expected),
    };
    for (const connections of [1, 32]) {
      const turns: { ours: WrkResult; peer: WrkResult | undefined }[] = [];
      // The first turns warm both sides up.
      for (let round = 0; round <= rounds; round++) {
        report(`requests: ${connections} connections, round ${round} of ${rounds}`);
        const turn = {
          ours: await askCrm(ours.url, { connections, seconds }),
          peer: peer && (await ask(peer.url, { connections, seconds })),
        };
        if (round > 0) turns.push(turn);
      }
      const rates = turns.map((turn) => turn.ours.perSecond);
      const theirs = turns.flatMap((turn) => (turn.peer === undefined ? [] : [turn.peer]));
      const ratios = theirs.map(({ perSecond }, round) => rates[round]! / perSecond);
      results.push({
        name: `serve/requests-${connections}`,
        unit: "requests/s",
        ours: rounded(median(rates)),
        peer: theirs.length === 0 ? null : rounded(median(theirs.map(({ perSecond }) => perSecond))),
        ratio: theirs.length === 0 ? null : rounded(median(ratios)),
        spread: {
          ours: range(rates),
          ...(theirs.length === 0
            ? {}
            : { peer: range(theirs.map(({ perSecond }) => perSecond)), ratio: range(ratios) }),
        },
        p99Ms: {
          ours: rounded(median(turns.map((turn) => turn.ours.p99Ms))),
          peer: theirs.length === 0 ? null : rounded(median(theirs.map(({ p99Ms }) => p99Ms))),
        },
        failures: turns.reduce((sum, turn) => sum + turn.ours.failures + (turn.peer?.failures ?? 0), 0),
        largestDifference,
        ...(peerIsHere ? {} : { note: "peer not installed: run tooling/bench/peers/setup-fastapi.sh" }),
      });
    }
    return results;
  } finally {
    await ours.stop();
    await peer?.stop();
  }
}

/** The largest difference of a server's probabilities from those of the bundle's CRM, over the first samples. */
async function differenceOf(url: string, bodies: readonly object[], expected: Float32Array): Promise<number> {
  let most = 0;
  for (const [i, body] of bodies.slice(0, 50).entries()) {
    const response = await fetch(`${url}/v1/score`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const { probability } = (await response.json()) as { probability: number };
    most = Math.max(most, Math.abs(probability - expected[i]!));
  }
  return most;
}

async function constantRate({
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

async function besideLlm({
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

async function overload({ bundle, folder, requests, seconds, report }: MeasureOptions): Promise<object[]> {
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

async function threadKilled({
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

/** Bodies of single samples: all for the CRM, or every tenth for the LLM. */
function bodyOf({ samples }: Requests, llm: "never" | "tenth"): (index: number) => string {
  return (index) =>
    JSON.stringify({
      ...samples[index % samples.length],
      llm: llm === "tenth" && index % 10 === 0 ? "always" : "never",
    });
}

function fallbacksOf(answers: readonly Answered[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { body } of answers) {
    const reason = /"fallback":"(\w+)"/.exec(body)?.[1] ?? "none";
    counts[reason] = (counts[reason] ?? 0) + 1;
  }
  return counts;
}

/** When the last answer came, in seconds since the start. */
function lastSecond(answers: readonly Answered[]): number {
  return Math.max(...answers.map(({ dueMs, latencyMs }) => dueMs + latencyMs)) / 1000;
}

/** Writes the samples for the peer, one JSON object a line, in the order of its rows. */
export async function writeSamples(folder: string, { samples }: Requests): Promise<void> {
  await writeFile(
    join(folder, "samples.jsonl"),
    samples.map((sample) => `${JSON.stringify(sample)}\n`).join(""),
  );
}

function range(values: readonly number[]): [number, number] {
  return [rounded(Math.min(...values)), rounded(Math.max(...values))];
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
