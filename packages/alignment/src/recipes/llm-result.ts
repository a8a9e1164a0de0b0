import { createLlmLane, type TrainedT5, type TunedLlm } from "@corella/bundle";
import { llmLane } from "../llm/asking.ts";
import { scoreParts, type PartPredictions } from "../predictions.ts";
import type { Run } from "../run.ts";
import { scoredRows } from "../scored-rows.ts";
import type { RecipeResult } from "./recipe.ts";

/**
 * The result of a recipe that leaves nothing but an LLM: it scores the test part and the rows that are held out for validation.
 * @param title what its predictions are called for people
 */
export async function llmResult(run: Run, llm: TunedLlm | TrainedT5, title: string): Promise<RecipeResult> {
  const { config, data, runtime } = run;
  const { validation, test } = scoredRows(config, data);
  const lanes = {
    llm: "t5" in llm ? await createLlmLane(llm, data.catalogue, runtime) : await llmLane(run, llm),
  };
  const parts = [test, validation];
  const [onTest, onValidation] = (await scoreParts(run, "Scoring with the language model", lanes, parts)).map(
    ({ llm: probabilities }, part): PartPredictions => ({
      rows: parts[part]!,
      labels: data.labels(parts[part]!),
      predictions: [{ name: "llm", title, probabilities, shareToLlm: 1 }],
    }),
  );
  return {
    models: { llm },
    test: onTest!,
    ...(validation.length === 0 ? {} : { validation: onValidation! }),
    served: "llm",
    facts: [],
  };
}
