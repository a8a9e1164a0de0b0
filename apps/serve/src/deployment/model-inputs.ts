import { countPromptCuts, createLlmPrompt, routingSignals, type Bundle } from "@corella/bundle";
import { cutPrompt } from "@corella/llm";
import type { RatingRecord } from "@corella/modality";
import type { RoutingSignals } from "@corella/routing";
import { featureValues, type FeatureValue } from "./feature-values.ts";

/** What the LLM reads of a record. */
export interface PromptRead {
  /** All of it, with the marks of a chat. */
  readonly text: string;
  readonly tokens: number;
  readonly maxTokens: number;
  /** Tokens of the whole prompt, before any of it was cut. */
  readonly wholeTokens: number;
  /** Events of the history that it tells. */
  readonly events: number;
  /** Events that it would tell without a limit of tokens. */
  readonly wholeEvents: number;
}

/** What the models and the router of a bundle read of a completed record. */
export interface ModelInputs {
  /** The record as the models are asked: with a time where they have running statistics. */
  asked(record: RatingRecord): RatingRecord;
  /** undefined without a CRM. */
  features(record: RatingRecord): Promise<readonly FeatureValue[] | undefined>;
  /** undefined without an LLM. */
  prompt(record: RatingRecord): Promise<PromptRead | undefined>;
  signals(record: RatingRecord): Promise<RoutingSignals>;
}

/** What a bundle's models read. Tokenizer and running statistics are read from it when they are first asked for. */
export function modelInputs(bundle: Bundle): ModelInputs {
  const { featureMap, catalogue, models } = bundle;
  const statistics = once(() => bundle.runningStatistics());
  const llmAsking = once(() => bundle.llmAsking());
  return {
    asked: (record) =>
      bundle.statistics === undefined || record.time !== undefined || record.statistics !== undefined
        ? record
        : { ...record, time: Math.floor(Date.now() / 1000) },
    features: async (record) =>
      featureMap && featureValues(featureMap, record, catalogue, await statistics()),
    async prompt(record) {
      if (!models.includes("llm")) return undefined;
      const llm = await llmAsking();
      const { tokenizer, maxTokens, answers } = llm;
      const whole = countPromptCuts(llm, [record], catalogue);
      const text = createLlmPrompt(llm).render(record, catalogue, llm.statistics);
      const ids = await tokenizer.encode(cutPrompt(text, answers));
      // As a scorer cuts what is too long even without history: the first token and the newest ones stay.
      const read = ids.length <= maxTokens ? ids : [ids[0]!, ...ids.slice(ids.length - maxTokens + 1)];
      return {
        text: await tokenizer.decode(read),
        tokens: read.length,
        maxTokens,
        wholeTokens: whole.readLengths[0]!,
        events: whole.told,
        wholeEvents: whole.wanted,
      };
    },
    signals: async (record) =>
      routingSignals([record], featureMap && { featureMap, catalogue, statistics: await statistics() }),
  };
}

/** Calls a function at the first call, and again only after it failed. */
function once<T>(read: () => Promise<T>): () => Promise<T> {
  let reading: Promise<T> | undefined;
  return () => {
    reading ??= read().catch((error: unknown) => {
      reading = undefined;
      throw error;
    });
    return reading;
  };
}
