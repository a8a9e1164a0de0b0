import { scoredRows } from "../scored-rows.ts";
import { askingOf, llmLane } from "../llm/asking.ts";
import { designLlm } from "../llm/base-llm.ts";
import { itemVectorsFor } from "../llm/item-vectors.ts";
import { notePromptCuts } from "../llm/prompt-limit.ts";
import { llmAlone } from "../llm/llm-alone.ts";
import { llmProgram, tunedDecoder, tunedLlm } from "../llm/llm-tuning.ts";
import { refuseCrmRetrieval, requireTestPart, requireTunableLlm } from "../preflight.ts";
import { scoreParts, type PartPredictions } from "../predictions.ts";
import type { Run } from "../run.ts";
import { prefixed, unprefixed } from "../values.ts";
import type { RecipeResult } from "./recipe.ts";

/**
 * The LLM alone, LoRA-tuned on a random subset of the training rows, and a bundle that holds nothing else. With
 * `llm.loss: answer` this is the training of TALLRec (Bao et al., RecSys 2023). Settings: `stages.llmAlone`.
 */
export async function llmOnly(run: Run): Promise<RecipeResult> {
  const { config, data } = run;
  const design = await designLlm(run);
  requireTestPart(data);
  refuseCrmRetrieval(config);
  requireTunableLlm(config, data, design, run.adapter === undefined ? ["llmAlone"] : []);
  notePromptCuts(run, design);

  const base = { ...design, values: await design.values() };
  const itemVectors = await itemVectorsFor(run, {}, base);
  const asking = await askingOf(run, base.tokenizer, itemVectors);
  const decoder = tunedDecoder(config.llm, base, asking);
  const values = prefixed(base.values, "llm.");
  const tuned =
    run.adapter === undefined
      ? await run.phase("llm", "Tuning the language model", () =>
          llmAlone(run, { llm: decoder, program: llmProgram(decoder), values, asking }),
        )
      : values;
  const llm = tunedLlm(config, base, asking, unprefixed(tuned, "llm."));

  const { validation, test } = scoredRows(config, data);
  const lanes = { llm: await llmLane(run, llm) };
  const parts = [test, validation];
  const [onTest, onValidation] = (await scoreParts(run, "Scoring with the language model", lanes, parts)).map(
    ({ llm: probabilities }, part): PartPredictions => ({
      rows: parts[part]!,
      labels: data.labels(parts[part]!),
      predictions: [{ name: "llm", title: "LLM alone", probabilities, shareToLlm: 1 }],
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
