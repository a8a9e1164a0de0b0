import type { Predictor } from "@corella/bundle";
import { formatError } from "@corella/errors";
import type { RatingRecord } from "@corella/modality";
import type { Log } from "../operations/log.ts";

/**
 * Asks all models about samples, so that nobody waits for what happens once only, and a model that loads but cannot answer is
 * found before anybody asks it.
 * @param options.mayLackLlm the LLM is on a server of its own, which may come later: the CRM answers meanwhile
 * @throws what a model throws
 */
export async function warmUp(
  predictor: Predictor,
  records: readonly RatingRecord[],
  { mayLackLlm, log }: { readonly mayLackLlm: boolean; readonly log: Log },
): Promise<void> {
  const answers = await predictor.score(records, { policy: { kind: "all" } });
  const degraded = answers.find((answer) => answer.degraded !== undefined)?.degraded;
  // What was not asked for lack of a budget or room is asked another time.
  if (degraded === undefined || degraded.reason === "budget" || degraded.reason === "full") return;
  if (!mayLackLlm) throw degraded.cause;
  log(`the LLM's server does not answer yet, the CRM does: ${formatError(degraded.cause)}`, {
    level: "warn",
  });
}
