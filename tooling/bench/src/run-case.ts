import { onnxRuntime } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { contestant, type BenchCase, type Contestant } from "./contestant.ts";
import { missingPeer, PeerProcess } from "./peer.ts";
import { interleave, measure, type Measure } from "./rounds.ts";

export interface RunOptions {
  readonly rounds: number;
  readonly threads: number;
  readonly report: (progress: string) => void;
}

/** A measure with what one needs to judge it. */
export interface Result extends Measure {
  readonly threads: number;
  readonly parameters?: number;
  readonly perSecond?: { readonly unit: string; readonly ours: number; readonly peer: number | null };
  /** Peak memory of each side's process; ours holds this case only when the command runs it alone. */
  readonly peakMb?: { readonly ours: number; readonly peer: number | null };
  readonly note?: string;
}

/** Builds both sides of a case, measures them in turn, and gives one result a rival. */
export async function runCase(bench: BenchCase, options: RunOptions): Promise<Result[]> {
  const runtime = onnxRuntime({ threads: options.threads });
  const missing = new Map<string, string>();
  const sides: { readonly name: string; readonly side: Contestant }[] = [];
  const all: Contestant[] = [];
  try {
    options.report(`${bench.name}: building ours`);
    const ours = await contestant(await bench.subject(runtime));
    all.push(ours);
    for (const rival of bench.rivals) {
      options.report(`${bench.name}: building ${rival.name}`);
      const absent = rival.peer === undefined ? undefined : missingPeer(rival.peer.script);
      if (absent !== undefined) {
        missing.set(rival.name, absent);
        continue;
      }
      const side =
        rival.own === undefined
          ? await startPeer(`${bench.name}/${rival.name}`, rival.peer!, options.threads)
          : await contestant(await rival.own(runtime));
      all.push(side);
      checkParameters(`${bench.name}/${rival.name}`, ours, side);
      sides.push({ name: rival.name, side });
    }
    const times = await interleave(
      ours,
      sides.map(({ side }) => side),
      {
        rounds: options.rounds,
        steps: bench.steps,
        onRound: (round) => options.report(`${bench.name}: round ${round} of ${options.rounds}`),
      },
    );
    return bench.rivals.map((rival) => {
      const place = sides.findIndex(({ name }) => name === rival.name);
      const result = measure(
        `${bench.name}/${rival.name}`,
        times,
        place === -1 ? undefined : place,
        bench.scale,
      );
      const note = missing.get(rival.name) ?? rival.note;
      return {
        ...result,
        threads: options.threads,
        ...(ours.parameters === undefined ? {} : { parameters: ours.parameters }),
        ...throughput(bench, result),
        ...(rival.own === undefined ? memory(sides[place]?.side) : {}),
        ...(note === undefined ? {} : { note }),
      };
    });
  } finally {
    for (const side of all) await side.dispose();
  }
}

async function startPeer(
  name: string,
  { script, settings }: { readonly script: string; readonly settings: Readonly<Record<string, unknown>> },
  threads: number,
): Promise<Contestant> {
  const process = new PeerProcess(script, threads);
  try {
    return await process.contestant(name, settings);
  } catch (error) {
    process.end();
    throw error;
  }
}

function memory(peer: Contestant | undefined): Required<Pick<Result, "peakMb">> {
  const theirs = peer?.peakMb?.();
  const ours = process.resourceUsage().maxRSS / 1024;
  return { peakMb: { ours: Math.round(ours), peer: theirs === undefined ? null : Math.round(theirs) } };
}

/** Models of different size are no comparison. */
function checkParameters(name: string, ours: Contestant, theirs: Contestant): void {
  if (ours.parameters === undefined || theirs.parameters === undefined) return;
  if (ours.parameters === theirs.parameters) return;
  throw new CorellaError({
    code: "bench/shape",
    message: `Ours trains ${ours.parameters} parameters, the peer ${theirs.parameters}.`,
    place: name,
    remedy: "Give both sides the same shape.",
  });
}

function throughput(bench: BenchCase, { ours, peer }: Measure): Pick<Result, "perSecond"> {
  if (bench.perStep === undefined) return {};
  const { unit, count } = bench.perStep;
  const rate = (ms: number): number => Number(((count * 1000) / ms).toPrecision(3));
  return { perSecond: { unit, ours: rate(ours), peer: peer === null ? null : rate(peer) } };
}
