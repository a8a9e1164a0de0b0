/**
 * TALLRec (Bao et al., RecSys 2023, arXiv 2305.00447): a language model is tuned to follow one instruction, to judge whether a user who
 * liked and disliked some items will like another, on a few samples. In the paper's order: the instruction, rec-tuning (eq. 1 and 2),
 * the bundle.
 */
import { CorellaError } from "@corella/errors";
import { createPrompt } from "@corella/modality";
import type { RunConfig } from "../config/config.ts";
import type { TallrecConfig } from "../config/tallrec-config.ts";
import { designLlm } from "../llm/base-llm.ts";
import { requireLlmValidation } from "../llm/llm-alone.ts";
import { notePromptCuts } from "../llm/prompt-limit.ts";
import { refuseCrmRetrieval, requireTestPart, requireTunableLlm } from "../preflight.ts";
import type { Run } from "../run.ts";
import { llmResult, tunedAlone } from "./llm-result.ts";
import type { RecipeResult } from "./recipe.ts";

/**
 * The text that an instruction and its input are put into, to the word as Alpaca and models tuned like it know it; the answer comes next.
 * @param input empty: the wrapper for instructions without one
 */
export function alpacaPrompt({ instruction, input }: Pick<TallrecConfig, "instruction" | "input">): string {
  const about = "Below is an instruction that describes a task";
  const wanted = "Write a response that appropriately completes the request.";
  return input === ""
    ? `${about}. ${wanted}\n\n### Instruction:\n${instruction}\n\n### Response:\n`
    : `${about}, paired with an input that provides further context. ${wanted}\n\n### Instruction:\n${instruction}\n\n### Input:\n${input}\n\n### Response:\n`;
}

/** What CRMs see beside the two lists, in words: `tallrec.features`. A block would take a plain newline behind it along. */
const featuresInWords = [
  '{% if user %}{{"\\n"}}The user: {% for name, value in user.items() %}{{name}} {{value}}{% if not loop.last %}, {% endif %}{% endfor %}{% endif %}',
  '{% if context %}{{"\\n"}}Now: {% for name, value in context | items %}{{name}} {{value}}{% if not loop.last %}, {% endif %}{% endfor %}{% endif %}',
  '{{"\\n"}}Ratings, oldest first: {{user_history}}',
  '{{"\\n"}}Ratings by the user before: {{user.count}}{% if user.mean %}, {{user.mean | round(2)}} on average, {{user.share | round(2)}} of them liked{% endif %}',
  '{{"\\n"}}Ratings of the target before: {{item.count}}{% if item.mean %}, {{item.mean | round(2)}} on average, {{item.share | round(2)}} of them liked{% endif %}',
].join("");

/**
 * A configuration with the settings of the language model, its prompt and its tuning that follow from `tallrec`, in place of what it says
 * of them itself. Applied again it changes nothing.
 * @throws CorellaError those of `createPrompt`, placed in `tallrec`
 */
export function withTallrec(config: RunConfig): RunConfig {
  const { llm, stages } = config;
  const {
    shots,
    instruction,
    historyLength,
    features,
    maxTokens,
    lora,
    input: own,
    scoring: _,
    ...tuning
  } = config.tallrec;
  const input = features ? `${own}${featuresInWords}` : own;
  const closed = (source: string): string => (source === "" ? "" : `${source}{{""}}`);
  const prompt = {
    ...config.prompt,
    // Of a template neither the last newline counts nor one behind a block.
    template: `${alpacaPrompt({ instruction: closed(instruction), input: closed(input) })}\n`,
    target: features ? config.prompt.target : config.prompt.listItem,
    historyLength,
    historyHop: 1,
    separator: ", ",
    emptyHistory: "none",
  };
  inOwnTerms(() => createPrompt({ ...prompt, retrieval: "none" }));
  return {
    ...config,
    prompt,
    llm: {
      ...llm,
      maxTokens,
      // Only the adapter's weights Theta are learned (eq. 2).
      lora: { ...lora, targetModules: [...lora.targetModules], rsLora: false },
      // The sum over the answer's tokens of log P(token | instruction, input, tokens before), eq. 1.
      loss: "answer",
      supervision: "single",
      targetsPerHistory: 1,
    },
    stages: {
      ...stages,
      llmAlone: { ...stages.llmAlone, ...tuning, samples: shots, accumulate: 1, offset: "none" },
    },
  };
}

/** The recipe. Settings: `tallrec`. */
export async function tallrec(run: Run): Promise<RecipeResult> {
  const { config, data } = run;
  const { shots, scoring } = config.tallrec;
  const design = await designLlm(run);
  requireTestPart(data);
  requireLlmValidation(run);
  refuseCrmRetrieval(config);
  inOwnTerms(() => requireTunableLlm(config, data, design, run.adapter === undefined ? ["llmAlone"] : []));
  notePromptCuts(run, design);

  const llm = { ...(await tunedAlone(run, design, "Rec-tuning the language model")), scoring };
  return llmResult(
    run,
    llm,
    `TALLRec, ${Math.min(shots, data.split.train.length).toLocaleString("en")} shots`,
  );
}

/** Where errors of the shared pieces would send people, and where this recipe's settings are. */
const ownPlaces: Readonly<Record<string, string>> = {
  "prompt.template": "tallrec.instruction, tallrec.input",
  "prompt.historyLength": "tallrec.historyLength",
  "llm.maxTokens": "tallrec.maxTokens",
  "llm.lora.targetModules": "tallrec.lora.targetModules",
};

function inOwnTerms(check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!CorellaError.isInstance(error)) throw error;
    const { code, message, place = "", remedy } = error;
    throw new CorellaError({ code, message, place: ownPlaces[place] ?? place, remedy, cause: error });
  }
}
