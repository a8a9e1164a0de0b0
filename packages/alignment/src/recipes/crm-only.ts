import { createCrmLane, crmOf } from "@corella/bundle";
import { crmTraining } from "../crm/crm-training.ts";
import { scoredRows, validationRows } from "../scored-rows.ts";
import { requireTestPart, requireValidation } from "../preflight.ts";
import { scoreParts, type PartPredictions } from "../predictions.ts";
import type { Run } from "../run.ts";
import { unprefixed } from "../values.ts";
import type { RecipeResult } from "./recipe.ts";

/** The CRM alone, on all training data, and a bundle that holds nothing else. Settings: `stages.warmUp`. */
export async function crmOnly(run: Run): Promise<RecipeResult> {
  const { config, data, runtime } = run;
  const crm = crmOf(config.crm, data.featureMap);
  requireTestPart(data);
  requireValidation(config, data);

  const trained = await run.phase("crm", `Training ${config.crm.model}`, () => crmTraining(run, crm));
  const values = unprefixed(trained, "crm.");

  const { test: rows } = scoredRows(config, data);
  const trainedCrm = { config: config.crm, values, featureMap: data.featureMap };
  const lanes = { crm: await createCrmLane(trainedCrm, data.catalogue, runtime) };
  const parts = [validationRows(config, data).held, rows];
  const [validation, test] = (await scoreParts(run, "Scoring with the CRM", lanes, parts)).map(
    ({ crm: probabilities }, part): PartPredictions => ({
      rows: parts[part]!,
      labels: data.labels(parts[part]!),
      predictions: [{ name: "crm", title: config.crm.model, probabilities, shareToLlm: 0 }],
    }),
  );
  return {
    models: { crm: trainedCrm },
    validation: validation!,
    test: test!,
    served: "crm",
    facts: [],
  };
}
