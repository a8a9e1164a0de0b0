import { CorellaError } from "@corella/errors";
import type { Prompt } from "@corella/modality";
import type { RunConfig } from "../config/config.ts";
import { recipeNeeds } from "../config/recipe-names.ts";

/**
 * Refuses a configuration whose LLM cannot be tuned by another trainer, which has tokens and labels and nothing else.
 * @throws CorellaError `config/export`
 */
export function requireExportable({ recipe, stages, prompt, llm }: RunConfig): void {
  const { base } = llm;
  const problems: [place: string, message: string, remedy: string][] = [];
  if (!recipeNeeds[recipe].llm)
    problems.push(["recipe", `The recipe ${recipe} tunes no LLM.`, "Choose corella or llm-only."]);
  if (base.kind === "scratch")
    problems.push([
      "llm.base",
      "The language model is made in the run itself, so there is none yet to tune.",
      "Name one that is there, with its folder in Hugging Face's layout.",
    ]);
  else if (base.folder.endsWith(".gguf"))
    problems.push([
      "llm.base.folder",
      "Trainers of adapters read models in Hugging Face's layout, and the base is a .gguf file.",
      "Name the folder of the model that the file was made of, or write one with savePretrained of @corella/llm.",
    ]);
  if (stages.skip?.includes("llmAlone"))
    problems.push([
      "stages.skip",
      "The stage in which the LLM is tuned alone is left out.",
      "Leave out joint instead.",
    ]);
  if (stages.llmAlone.offset !== "none")
    problems.push([
      "stages.llmAlone.offset",
      "The LLM is to learn what is added to the CRM's logit, which rows of tokens cannot say.",
      "Set it to none.",
    ]);
  if (prompt.retrieval === "crm" || prompt.retrieval === "llm")
    problems.push([
      "prompt.retrieval",
      "Prompts choose their history by vectors that models make first.",
      "Set it to none.",
    ]);
  const [first] = problems;
  if (first === undefined) return;
  const [place, message, remedy] = first;
  throw new CorellaError({ code: "config/export", message, place, remedy });
}

/**
 * Refuses a prompt that says what the CRM says: there is none yet.
 * @throws CorellaError `config/export`
 */
export function refuseCrmInRows({ saysCrm }: Pick<Prompt, "saysCrm">): void {
  if (!saysCrm) return;
  throw new CorellaError({
    code: "config/export",
    message: "The prompt says what the CRM says of the sample (crm_percent), and there is no CRM yet.",
    place: "prompt.template",
    remedy: "Leave crm_percent out.",
  });
}
