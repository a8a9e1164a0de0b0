import { createCrmLane } from "@corella/bundle";
import type { Values } from "@corella/engine";
import { scoreParts, type PartPredictions } from "../predictions.ts";
import type { Run } from "../run.ts";
import { scoredRows, validationRows } from "../scored-rows.ts";
import type { RecipeResult } from "./recipe.ts";

/**
 * The result of a recipe that leaves nothing but a CRM: it scores the test part and the rows that are held out for validation.
 * @param values of the CRM, under its own names
 * @param title what its predictions are called for people
 */
export async function crmAlone(run: Run, values: Values, title: string): Promise<RecipeResult> {
  const { config, data, runtime } = run;
  const crm = { config: config.crm, values, featureMap: data.featureMap };
  const lanes = { crm: await createCrmLane(crm, data.catalogue, runtime) };
  const parts = [validationRows(config, data).held, scoredRows(config, data).test];
  const [validation, test] = (await scoreParts(run, "Scoring with the CRM", lanes, parts)).map(
    ({ crm: probabilities }, part): PartPredictions => ({
      rows: parts[part]!,
      labels: data.labels(parts[part]!),
      predictions: [{ name: "crm", title, probabilities, shareToLlm: 0 }],
    }),
  );
  return { models: { crm }, validation: validation!, test: test!, served: "crm", facts: [] };
}
