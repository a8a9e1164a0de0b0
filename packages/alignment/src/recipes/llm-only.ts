import { designLlm } from "../llm/base-llm.ts";
import { requireLlmValidation } from "../llm/llm-alone.ts";
import { notePromptCuts } from "../llm/prompt-limit.ts";
import { refuseCrmRetrieval, requireTestPart, requireTunableLlm } from "../preflight.ts";
import type { Run } from "../run.ts";
import { llmResult, tunedAlone } from "./llm-result.ts";
import type { RecipeResult } from "./recipe.ts";

/** The LLM alone, LoRA-tuned on a random subset of the training rows, and a bundle that holds nothing else. Settings: `stages.llmAlone`. */
export async function llmOnly(run: Run): Promise<RecipeResult> {
  const { config, data } = run;
  const design = await designLlm(run);
  requireTestPart(data);
  if (run.adapter === undefined) requireLlmValidation(run);
  refuseCrmRetrieval(config);
  requireTunableLlm(config, data, design, run.adapter === undefined ? ["llmAlone"] : []);
  notePromptCuts(run, design);

  return llmResult(run, await tunedAlone(run, design, "Tuning the language model"), "LLM alone");
}
