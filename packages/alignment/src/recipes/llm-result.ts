import { createLlmLane, type TrainedT5, type TunedLlm } from "@corella/bundle";
import { askingOf, llmLane } from "../llm/asking.ts";
import type { LlmDesign } from "../llm/base-llm.ts";
import { itemVectorsFor } from "../llm/item-vectors.ts";
import { llmAlone } from "../llm/llm-alone.ts";
import { llmProgram, tunedDecoder, tunedLlm } from "../llm/llm-tuning.ts";
import { scoreParts, type PartPredictions } from "../predictions.ts";
import type { Run } from "../run.ts";
import { scoredRows } from "../scored-rows.ts";
import { prefixed, unprefixed } from "../values.ts";
import type { RecipeResult } from "./recipe.ts";

/**
 * Tunes the LLM of a recipe that trains nothing else, as `stages.llmAlone` says; an adapter that was tuned elsewhere is taken as it is.
 * @param title of the phase, for people
 */
export async function tunedAlone(run: Run, design: LlmDesign, title: string): Promise<TunedLlm> {
  const { config } = run;
  const base = { ...design, values: await design.values() };
  const itemVectors = await itemVectorsFor(run, {}, base);
  const asking = await askingOf(run, base.tokenizer, itemVectors);
  const decoder = tunedDecoder(config.llm, base, asking);
  const values = prefixed(base.values, "llm.");
  const tuned =
    run.adapter === undefined
      ? await run.phase("llm", title, () =>
          llmAlone(run, { llm: decoder, program: llmProgram(decoder), values, asking }),
        )
      : values;
  return tunedLlm(config, base, asking, unprefixed(tuned, "llm."));
}

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
