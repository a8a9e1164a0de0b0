import type { FeatureMap } from "../features/feature-map.ts";
import { planStatistics, saidOfEvents, type StatisticsPlan } from "../statistics/plan.ts";
import type { PromptConfig } from "./config.ts";
import { createPrompt } from "./prompt.ts";
import { templateStatistics } from "./statistics.ts";

/** What is counted for the statistics that a prompt says; undefined where it says none. */
export function promptStatistics(config: Partial<PromptConfig>): StatisticsPlan | undefined {
  return createPrompt({ ...config, retrieval: "none" }).statistics;
}

/**
 * One plan of all that is counted for a feature map and a prompt, so that an event is counted once for both.
 * @returns undefined where neither has statistics
 */
export function planOfBoth(
  featureMap: FeatureMap | undefined,
  prompt: Partial<PromptConfig> | undefined,
): StatisticsPlan | undefined {
  const ofPrompt = prompt === undefined ? undefined : promptStatistics(prompt);
  if (ofPrompt === undefined) return featureMap?.statistics;
  if (featureMap?.statistics === undefined) return ofPrompt;
  const names = ofPrompt.statistics.map(({ name }) => name);
  const ofEvents = new Set(saidOfEvents(ofPrompt));
  const { features, statisticMeans } = featureMap.toJson();
  const ofFeatures = features.filter((feature) => feature.type === "statistic");
  return planStatistics([...ofFeatures, ...templateStatistics(names, ofEvents)], statisticMeans!);
}
