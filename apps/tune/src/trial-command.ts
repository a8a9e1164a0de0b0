import { readSpec, runTrialUnit } from "@corella/alignment";
import { endWithParent } from "@corella/jobs";
import { listenForInterruption } from "@corella/terminal";

/**
 * `tune trial --spec <file>`: a unit of a search in this process.
 * @throws CorellaError those of `readSpec` and `runTrialUnit`
 */
export async function trialCommand({ spec }: { readonly spec: string }): Promise<void> {
  endWithParent();
  const interruption = listenForInterruption(process.stderr);
  try {
    const { status, best, steps } = await runTrialUnit(await readSpec(spec), {
      ownProcess: true,
      signal: interruption.signal,
      waiting: () => process.stderr.write("Another process trains this trial; waiting for it\n"),
    });
    const score = best === undefined ? "" : `, validation AUC ${best.score}`;
    process.stdout.write(`${status} after ${steps} steps${score}\n`);
  } finally {
    interruption.stop();
  }
}
