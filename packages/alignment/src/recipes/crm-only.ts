import { crmOf } from "@corella/bundle";
import { crmTraining } from "../crm/crm-training.ts";
import { requireTestPart, requireValidation } from "../preflight.ts";
import type { Run } from "../run.ts";
import { unprefixed } from "../values.ts";
import { crmAlone } from "./crm-alone.ts";
import type { RecipeResult } from "./recipe.ts";

/** The CRM alone, on all training data, and a bundle that holds nothing else. Settings: `stages.warmUp`. */
export async function crmOnly(run: Run): Promise<RecipeResult> {
  const { config, data } = run;
  const crm = crmOf(config.crm, data.featureMap);
  requireTestPart(data);
  requireValidation(config, data);

  const trained = await run.phase("crm", `Training ${config.crm.model}`, () => crmTraining(run, crm));
  return crmAlone(run, unprefixed(trained, "crm."), config.crm.model);
}
