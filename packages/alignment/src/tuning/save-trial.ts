import { dirname, join } from "node:path";
import { saveBundle } from "@corella/bundle";
import { loadCheckpoint } from "@corella/engine";
import { configForFolder } from "../config/load-config.ts";
import { prepareData } from "../data.ts";
import { unprefixed } from "../values.ts";
import type { PlanOptions } from "./plan.ts";
import { checkpointFolder } from "./trial.ts";
import type { TriedConfig } from "./tune.ts";

/** Writes the CRM of a finished trial, its values as of the best validation, as a bundle of the CRM alone. */
export async function saveTrial(
  { config, folder: trialFolder }: TriedConfig,
  folder: string,
  { baseFolder, cacheFolder }: Pick<PlanOptions, "baseFolder" | "cacheFolder">,
): Promise<void> {
  const checkpoint = await loadCheckpoint(join(trialFolder, checkpointFolder));
  const values = unprefixed(checkpoint!.states["final"]!.values, "crm.");
  const { featureMap, catalogue, log } = await prepareData(config, baseFolder, cacheFolder);
  await saveBundle(folder, {
    name: config.name,
    recipe: "crm-only",
    runConfig: configForFolder({ config, baseFolder }, dirname(folder)),
    catalogue,
    log,
    crm: { config: config.crm, values, featureMap },
  });
}
