import { readSpec, runTrialUnit } from "@corella/alignment";
import { listenForInterruption } from "@corella/terminal";
import { prepareOnce } from "./prepare-once.ts";

/** Whether this process has run no unit yet. */
let isFresh = true;

/**
 * `tune trial --spec <file>`: a unit of a search in this process.
 * @throws CorellaError those of `readSpec` and `runTrialUnit`
 */
export async function trialCommand({ spec }: { readonly spec: string }): Promise<void> {
  const ownProcess = isFresh;
  isFresh = false;
  const interruption = listenForInterruption(process.stderr);
  try {
    const { status, best, steps } = await runTrialUnit(await readSpec(spec), {
      ownProcess,
      prepare: prepareOnce,
      signal: interruption.signal,
      waiting: () => process.stderr.write("Another process trains this trial; waiting for it\n"),
    });
    const score = best === undefined ? "" : `, validation AUC ${best.score}`;
    process.stdout.write(`${status} after ${steps} steps${score}\n`);
  } finally {
    interruption.stop();
  }
}
