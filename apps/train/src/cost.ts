import type { NamedPredictions, TrainingResult } from "@corella/alignment";
import { moneyPer1000, type ModelCost } from "@corella/evaluation";

/** The phases of `recipe: corella` that a CRM comes from; all else comes from all phases. */
const phasesOfCrm: Readonly<Record<string, readonly string[]>> = {
  "crm-stage-1": ["stage-1"],
  // The joint stage needs the language model of stage 0.
  crm: ["stage-0", "stage-1", "stage-2"],
  "crm-stage-2": ["stage-0", "stage-1", "stage-2"],
};

/**
 * What a model, or a combination of two, costs by the times of its run. A run that was resumed does not know how long its
 * training took in all.
 * @param machineHour what an hour of the machine costs; without it there is no money in the answer
 */
export function costOf(
  { phases, msPerSample }: Pick<TrainingResult, "phases" | "msPerSample">,
  { name, shareToLlm }: Pick<NamedPredictions, "name" | "shareToLlm">,
  machineHour: number | undefined,
): ModelCost {
  // What was distilled into a CRM comes from the LLM, and from all that made it.
  const isDistilled = name === "crm" && phases.some((phase) => phase.name === "distil");
  const names = isDistilled ? undefined : phasesOfCrm[name];
  const own = phases.filter((phase) => names?.includes(phase.name) ?? true);
  // The CRM alone, by its recipe, has one phase of another name.
  const needed = own.length === 0 ? phases : own;
  const isKnown = needed.every(({ ms }) => ms !== undefined);
  const trainingMs = needed.reduce((sum, { ms }) => sum + (ms ?? 0), 0);
  const crmMs = name === "llm" ? 0 : (msPerSample["crm"] ?? 0);
  const predictionMs = crmMs + shareToLlm * (msPerSample["llm"] ?? 0);
  return {
    ...(isKnown ? { trainingMinutes: trainingMs / 60_000 } : {}),
    msPerSample: predictionMs,
    ...(machineHour === undefined
      ? {}
      : { moneyPer1000: moneyPer1000(predictionMs, shareToLlm, { machineHour }) }),
  };
}
