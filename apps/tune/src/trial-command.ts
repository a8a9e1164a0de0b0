import { listenForInterruption } from "@corella/terminal";
import { runUnit } from "./run-unit.ts";

/**
 * `tune trial --spec <file>`: a unit of a search in this process.
 * @throws CorellaError those of `runUnit`
 */
export async function trialCommand({ spec }: { readonly spec: string }): Promise<void> {
  const interruption = listenForInterruption(process.stderr);
  try {
    const { status, best, steps } = await runUnit(spec, {
      signal: interruption.signal,
      waiting: () => process.stderr.write("Another process trains this trial; waiting for it\n"),
    });
    const score = best === undefined ? "" : `, validation AUC ${best.score}`;
    process.stdout.write(`${status} after ${steps} steps${score}\n`);
  } finally {
    interruption.stop();
  }
}
