import type { RunUnit } from "@corella/alignment";
import { bullmq, type BullmqOptions } from "@corella/jobs";
import type { createProcesses } from "./processes.ts";

/** Where the units of a search run. */
export interface UnitPlace {
  readonly runUnit: RunUnit;
  /** Units at once, as of now. */
  slots(): number;
  close(): Promise<void>;
}

/**
 * Workers behind a Redis queue.
 * @throws CorellaError those of `bullmq`
 */
export async function onWorkers(options: BullmqOptions): Promise<UnitPlace> {
  const engine = await bullmq(options);
  return {
    runUnit: ({ id, specFile }, { signal }) =>
      engine.run({ id, command: ["tune", "trial", "--spec", specFile] }, { signal }),
    slots: () => engine.slots,
    close: () => engine.close(),
  };
}

/** Processes of this machine, which are kept from unit to unit: starting one takes seconds. */
export function inProcesses({ runUnit, stop }: ReturnType<typeof createProcesses>, slots: number): UnitPlace {
  return { runUnit, slots: () => slots, close: () => Promise.resolve(stop()) };
}
