import { CorellaError } from "@corella/errors";
import { attributeKind } from "../features/known-attributes.ts";
import { decimalRating, type InteractionLog } from "../log.ts";
import {
  defaultsOfData,
  filledIn,
  historyItemOfLabels,
  type PromptConfig,
  type PromptSettings,
} from "./config.ts";
import { createPrompt } from "./prompt.ts";

/**
 * Settings of a prompt with all that follows from the data of a log where they leave it out: the scale and what counts as liked,
 * the words for events that have a label and no rating, and as many events as the window has, 10 at most; and with the threshold of
 * the log's labels.
 * @throws CorellaError `prompt/short-window` for more events than the log's window has, `features/bad-field` for a context column
 * that the log has not, those of `createPrompt`
 */
export function withPromptDefaults(settings: PromptSettings, log: InteractionLog): PromptConfig {
  const { maxLength } = log.history;
  for (const name of createPrompt({ ...settings, retrieval: "none" }).context)
    attributeKind(log, "context", name, "prompt");
  const { historyLength = Math.min(defaultsOfData.historyLength, maxLength) } = settings;
  if (historyLength > maxLength) {
    throw new CorellaError({
      code: "prompt/short-window",
      message: `The prompt tells ${historyLength} events, the window of histories has ${maxLength}.`,
      place: "prompt.historyLength",
      remedy: `Set data.history.maxLength to ${historyLength}, or prompt.historyLength to at most ${maxLength}.`,
    });
  }
  const { lowest, highest, hasRatings } = describeRatings(log);
  // A threshold that no rating is below or above says nothing: labels beside ratings, of which nobody said what is liked.
  const separates = !hasRatings || (lowest < log.likedThreshold && log.likedThreshold <= highest);
  const ofLog = {
    historyLength,
    historyItem: hasRatings ? defaultsOfData.historyItem : historyItemOfLabels,
    ratingScale: Math.max(1, Math.ceil(highest)),
    likedThreshold: separates ? log.likedThreshold : defaultsOfData.likedThreshold,
  };
  return { ...settings, ...filledIn(ofLog, settings), labelThreshold: log.likedThreshold };
}

/** The lowest and highest rating of a log, and whether there are ratings at all: labels alone are two values, none above 1. */
function describeRatings({ rating }: Pick<InteractionLog, "rating">): {
  lowest: number;
  highest: number;
  hasRatings: boolean;
} {
  const distinct = new Set<number>();
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let row = 0; row < rating.length; row++) {
    const value = rating[row]!;
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
    if (distinct.size < 3) distinct.add(value);
  }
  return {
    lowest,
    highest: decimalRating(highest),
    hasRatings: rating.length > 0 && (distinct.size > 2 || highest > 1),
  };
}
