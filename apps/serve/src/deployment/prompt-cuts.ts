import { countPromptCuts, describePromptCuts, type Bundle, type Histories } from "@corella/bundle";
import { completeRecords } from "./complete-record.ts";

/** Users whose prompts are looked at. */
const sampleSize = 200;

/**
 * How many prompts about users that the bundle knows are cut to its token limit, in a sentence; undefined where no LLM is
 * asked, or no user is known.
 */
export async function tellPromptCuts(bundle: Bundle, histories: Histories): Promise<string | undefined> {
  const { catalogue } = bundle;
  const users = histories.some(sampleSize);
  if (!bundle.models.includes("llm") || users.length === 0 || catalogue.ids.length === 0) return undefined;
  const samples = users.map((user, i) => ({
    user,
    item: catalogue.ids[Math.floor((i * catalogue.ids.length) / users.length)]!,
  }));
  const records = (await completeRecords(samples, { histories, catalogue })).map(({ record }) => record);
  return describePromptCuts(countPromptCuts(await bundle.llmAsking(), records, catalogue));
}
