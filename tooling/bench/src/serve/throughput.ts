import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { median } from "../rounds.ts";
import { range, rounded } from "./figures.ts";
import type { MeasureOptions } from "./measure.ts";
import { startOurs, startPeer } from "./served.ts";
import { createWrk, requireWrk, type WrkResult } from "./wrk.ts";

const home = process.env["CORELLA_PEERS"] ?? join(homedir(), ".cache", "corella-peers");
const python = join(home, "fastapi", "bin", "python");
/** One thread is the fastest for a model this small, on both sides. */
const peerThreads = 1;
/** Requests a second, in turn with the peer. */
export async function throughput({
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
