import { catalogueFromLog, prepareLog, splitLog, withPromptDefaults } from "@corella/modality";
import { designOf } from "../llm/base-llm.ts";
import { defaultPromptLimit } from "../llm/prompt-limit.ts";
import { withTallrec } from "../recipes/tallrec.ts";
import type { ResolvedConfig } from "../run.ts";
import { withDefaultFeatures } from "./default-features.ts";
import type { LoadedConfig } from "./load-config.ts";
import { recipeNeeds } from "./recipe-names.ts";

/**
 * A configuration with the defaults written out that follow from its log and its language model: `features` where a CRM is
 * trained, `prompt` and `llm.maxTokens` where an LLM is; of the recipe tallrec with what its own settings say of these.
 * @param cacheFolder what was prepared before is read from here
 * @param note is told of them, in a line each
 * @throws CorellaError those of `prepareLog`, `splitLog`, `openPretrained` and `createPrompt`, `config/no-tokenizer`
 */
export async function resolveConfig(
  loaded: LoadedConfig,
  cacheFolder: string,
  note?: (text: string) => void,
): Promise<LoadedConfig & { readonly config: ResolvedConfig }> {
  const settled = loaded.config.recipe === "tallrec" ? settledByTallrec(loaded, note) : loaded;
  const { config: withFeatures, baseFolder } = await withDefaultFeatures(settled, cacheFolder, note);
  const needs = recipeNeeds[withFeatures.recipe];
  if (!needs.prompt) return { config: withFeatures as ResolvedConfig, baseFolder };
  const { log } = await prepareLog(withFeatures.data, { baseFolder, cacheFolder });
  // The threshold of the labels is what `data` says: no setting of the prompt, and kept by the bundle.
  const { labelThreshold: _, ...prompt } = withPromptDefaults(withFeatures.prompt, log);
  const config = { ...withFeatures, prompt };
  if (config.llm.maxTokens !== undefined || !needs.llm)
    return { config: config as ResolvedConfig, baseFolder };
  const data = { log, split: splitLog(log, config.data), catalogue: catalogueFromLog(log) };
  const design = await designOf({ config, baseFolder, data, listener: { ...(note && { note }) } });
  const maxTokens = defaultPromptLimit(config, data, design);
  const setting = config.recipe === "tallrec" ? "tallrec.maxTokens" : "llm.maxTokens";
  note?.(`The configuration names no ${setting}; the default one for its prompts: ${maxTokens}`);
  return { config: { ...config, llm: { ...config.llm, maxTokens } }, baseFolder };
}

/** What `tallrec` says in the place of the rest; people are told where the rest says otherwise. */
function settledByTallrec(loaded: LoadedConfig, note?: (text: string) => void): LoadedConfig {
  const config = withTallrec(loaded.config);
  if (JSON.stringify(config) !== JSON.stringify(loaded.config))
    note?.(
      "The recipe tallrec takes template, lists, adapter, loss and tuning from `tallrec`, whatever prompt, llm and stages.llmAlone say",
    );
  return { ...loaded, config };
}
