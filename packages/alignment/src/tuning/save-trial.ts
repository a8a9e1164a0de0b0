import { join } from "node:path";
import { saveCrm } from "@corella/bundle";
import { loadCheckpoint, type Values } from "@corella/engine";
import { prepareData } from "../data.ts";
import type { PlanOptions } from "./plan.ts";
import { checkpointFolder } from "./trial.ts";
import type { TriedConfig } from "./tune.ts";

/** Writes the CRM of a finished trial, its values as of the best validation, as a folder for `loadCrm` of @corella/bundle. */
export async function saveTrial(
  { config, folder: trialFolder }: TriedConfig,
  folder: string,
  { baseFolder, cacheFolder }: Pick<PlanOptions, "baseFolder" | "cacheFolder">,
): Promise<void> {
  const checkpoint = await loadCheckpoint(join(trialFolder, checkpointFolder));
  const values: Values = {};
  // Stages name the values of the CRM with a prefix.
  for (const [name, value] of Object.entries(checkpoint!.states["final"]!.values))
    values[name.slice("crm.".length)] = value;
  await saveCrm(folder, { config: config.crm, values }, await prepareData(config, baseFolder, cacheFolder));
}
