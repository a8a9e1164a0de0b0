import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { onnxRuntime } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { contestant, type BenchCase } from "./contestant.ts";

/** An event of onnxruntime's profile: microseconds. */
export interface ProfileEvent {
  readonly cat?: string;
  readonly name?: string;
  readonly ts: number;
  readonly dur?: number;
  readonly args?: { readonly op_name?: string };
}

export interface OperatorTime {
  readonly operator: string;
  /** Of one run. */
  readonly ms: number;
  readonly share: number;
  /** Nodes of one run. */
  readonly nodes: number;
}

/** Time by operator of the last `runs` runs, the longest first. */
export function operatorTimes(events: readonly ProfileEvent[], runs: number): OperatorTime[] {
  const starts = events.filter(({ name }) => name === "model_run").map(({ ts }) => ts);
  const since = starts.sort((a, b) => a - b).at(-runs) ?? 0;
  const sums = new Map<string, { us: number; nodes: number }>();
  let total = 0;
  for (const { cat, ts, dur, args } of events) {
    if (cat !== "Node" || ts < since || dur === undefined || args?.op_name === undefined) continue;
    const sum = sums.get(args.op_name) ?? { us: 0, nodes: 0 };
    sums.set(args.op_name, { us: sum.us + dur, nodes: sum.nodes + 1 });
    total += dur;
  }
  return [...sums]
    .map(([operator, { us, nodes }]) => ({
      operator,
      ms: us / 1000 / runs,
      share: us / total,
      nodes: nodes / runs,
    }))
    .sort((a, b) => b.ms - a.ms);
}

/** Runs our side of a case with onnxruntime's profiler on; the profiles lie in the folder (chrome://tracing). */
export async function profileCase(
  bench: BenchCase,
  options: { readonly folder: string; readonly threads: number; readonly runs: number },
): Promise<{ readonly stepMs: number; readonly operators: readonly OperatorTime[] }> {
  const { folder, threads, runs } = options;
  await mkdir(folder, { recursive: true });
  const prefix = `${bench.name.replaceAll("/", "-")}-${Date.now()}`;
  const runtime = onnxRuntime({ threads, profile: join(folder, prefix) });
  const side = await contestant(await bench.subject(runtime));
  const { ms: stepMs } = await side.round(runs);
  await side.dispose();
  const file = (await readdir(folder)).find((name) => name.startsWith(prefix));
  if (file === undefined) {
    throw new CorellaError({
      code: "bench/no-profile",
      message: "onnxruntime wrote no profile.",
      place: folder,
      remedy: "Name a folder that can be written to.",
    });
  }
  const events = JSON.parse(await readFile(join(folder, file), "utf8")) as ProfileEvent[];
  return { stepMs, operators: operatorTimes(events, runs) };
}
