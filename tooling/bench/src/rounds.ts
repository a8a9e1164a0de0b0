import { setTimeout as pause } from "node:timers/promises";
import type { Contestant, StepTime } from "./contestant.ts";

/** Idle threads of either side may spin for tens of milliseconds after a round; the other side starts after that. */
const settleMs = 200;

export interface RoundOptions {
  readonly rounds: number;
  readonly steps: number;
  readonly settleMs?: number;
  readonly onRound?: (round: number) => void;
}

/** A step's time in each round: ours, and each rival's. */
export interface RoundTimes {
  readonly ours: readonly StepTime[];
  readonly rivals: readonly (readonly StepTime[])[];
}

/** Measures in turn (ours, rival 1, ours, rival 2, ..., again), so that what disturbs the machine meets all sides. */
export async function interleave(
  ours: Contestant,
  rivals: readonly Contestant[],
  options: RoundOptions,
): Promise<RoundTimes> {
  const own: StepTime[] = [];
  const others: StepTime[][] = rivals.map(() => []);
  const turn = async (side: Contestant): Promise<StepTime> => {
    await pause(options.settleMs ?? settleMs);
    return side.round(options.steps);
  };
  for (let round = 0; round < options.rounds; round++) {
    if (rivals.length === 0) own.push(await turn(ours));
    for (const [i, rival] of rivals.entries()) {
      own.push(await turn(ours));
      others[i]!.push(await turn(rival));
    }
    options.onRound?.(round + 1);
  }
  return { ours: own, rivals: others };
}

export interface Measure {
  readonly name: string;
  /** Median milliseconds of a step. */
  readonly ours: number;
  readonly peer: number | null;
  /** peer / ours: above 1 we are faster. */
  readonly ratio: number | null;
  readonly unit: "ms";
  /** Medians of what each side's process took of the processor. */
  readonly cpu: { readonly ours: number; readonly peer: number | null; readonly ratio: number | null };
  /** Smallest and largest; of `ratio`, over pairs of neighbouring rounds. */
  readonly spread: Readonly<Record<string, readonly [number, number]>>;
  readonly rounds: number;
}

/** The result of one rival; `peer` null when there are no times of it. Times are multiplied by `scale`. */
export function measure(name: string, times: RoundTimes, rival: number | undefined, scale = 1): Measure {
  const peers = rival === undefined ? [] : times.rivals[rival]!;
  // Ours was measured before each rival: those measured before this one are its neighbours.
  const count = Math.max(1, times.rivals.length);
  const own = rival === undefined ? times.ours : times.ours.filter((_, i) => i % count === rival);
  const wall = (side: readonly StepTime[]): number[] => side.map(({ ms }) => ms * scale);
  const processor = (side: readonly StepTime[]): number => median(side.map(({ cpuMs }) => cpuMs * scale));
  const ours = median(wall(own));
  const base = { name, ours: rounded(ours), unit: "ms", rounds: own.length } as const;
  const oursCpu = processor(own);
  if (peers.length === 0) {
    const cpu = { ours: rounded(oursCpu), peer: null, ratio: null };
    return { ...base, peer: null, ratio: null, cpu, spread: { ours: range(wall(own)) } };
  }
  const peer = median(wall(peers));
  const peerCpu = processor(peers);
  const ratios = peers.map(({ ms }, round) => ms / own[round]!.ms);
  return {
    ...base,
    peer: rounded(peer),
    ratio: rounded(peer / ours),
    cpu: { ours: rounded(oursCpu), peer: rounded(peerCpu), ratio: rounded(peerCpu / oursCpu) },
    spread: { ours: range(wall(own)), peer: range(wall(peers)), ratio: range(ratios) },
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function range(values: readonly number[]): [number, number] {
  return [rounded(Math.min(...values)), rounded(Math.max(...values))];
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
