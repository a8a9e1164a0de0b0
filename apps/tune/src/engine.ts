import { fileURLToPath } from "node:url";
import type { RunUnit } from "@corella/alignment";
import { bullmq, localProcesses, type Engine } from "@corella/jobs";

/** Where the units of a search run. */
export interface EngineOptions {
  /** Address of the queue that workers listen to; undefined: processes of this machine. */
  readonly workers: string | undefined;
  /** Units at once; undefined: as many as the workers that listen take, or one here. */
  readonly slots: number | undefined;
  /** Units wait and no worker listens. */
  onNoWorker(): void;
}

/** @throws CorellaError those of `bullmq` */
export async function openEngine({ workers, slots, onNoWorker }: EngineOptions): Promise<Engine> {
  if (workers !== undefined) return bullmq({ url: workers, slots, onNoWorker });
  const main = fileURLToPath(new URL("./main.ts", import.meta.url));
  const programs = { "tune trial": [...process.execArgv, main, "trial"] };
  return localProcesses({ slots: slots ?? 1, programs });
}

/** Runs units of a search by an engine, as `tune trial --spec <file>`. */
export function unitsBy(engine: Engine): RunUnit {
  return ({ id, specFile }, { signal }) =>
    engine.run({ id, command: ["tune", "trial", "--spec", specFile] }, { signal });
}
