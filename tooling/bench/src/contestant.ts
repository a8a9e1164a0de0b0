import type { Runtime } from "@corella/engine";

/** Of one step, in milliseconds. */
export interface StepTime {
  readonly ms: number;
  /** What all threads of the side's process took of the processor. */
  readonly cpuMs: number;
}

/** One side of a measurement, built and warmed up. */
export interface Contestant {
  /** Runs so many steps and gives the mean time of one. */
  round(steps: number): Promise<StepTime>;
  /** Trained elements: both sides must have as many, or their shapes differ. */
  readonly parameters: number | undefined;
  /** The most memory that its process has held, in MB; undefined where it has no process of its own. */
  readonly peakMb?: () => number | undefined;
  dispose(): Promise<void>;
}

/** Our side of a case: a step to be timed. */
export interface Subject {
  step(): Promise<unknown>;
  /** Default: three steps. */
  warmUp?(): Promise<unknown>;
  readonly parameters?: number;
  dispose(): Promise<void>;
}

/** What a case is compared with: a peer in a Python process, or another subject of ours. */
export interface Rival {
  readonly name: string;
  readonly peer?: { readonly script: string; readonly settings: Readonly<Record<string, unknown>> };
  readonly own?: (runtime: Runtime) => Promise<Subject>;
  /** Said in the result. */
  readonly note?: string;
}

export interface BenchCase {
  /** A result is named `<case>/<rival>`. */
  readonly name: string;
  readonly what: string;
  readonly subject: (runtime: Runtime) => Promise<Subject>;
  readonly rivals: readonly Rival[];
  /** Steps of one round. Where more than one, each round begins with an untimed step. */
  readonly steps: number;
  /** Of what a step stands for: times are multiplied by it. */
  readonly scale?: number;
  /** What a step handles, for throughput: the result then also has it for each second. */
  readonly perStep?: { readonly unit: "tokens" | "samples" | "GFLOP"; readonly count: number };
}

/** Warms a subject up; its rounds are timed as the peers' (peers/worker.py). */
export async function contestant(subject: Subject): Promise<Contestant> {
  if (subject.warmUp === undefined) for (let i = 0; i < 3; i++) await subject.step();
  else await subject.warmUp();
  return {
    parameters: subject.parameters,
    dispose: () => subject.dispose(),
    async round(steps) {
      if (steps > 1) await subject.step();
      const [start, cpuStart] = [performance.now(), processorMs()];
      for (let i = 0; i < steps; i++) await subject.step();
      return { ms: (performance.now() - start) / steps, cpuMs: (processorMs() - cpuStart) / steps };
    },
  };
}

/** What this process has taken of the processor. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
