import type { FeatureMap } from "../features/feature-map.ts";
import { planStatistics, type StatisticsPlan } from "../statistics/plan.ts";
import type { PromptConfig } from "./config.ts";
import { createPrompt } from "./prompt.ts";
import { planOfTemplates, templateStatistics } from "./statistics.ts";

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
  const names =
    (prompt === undefined ? undefined : promptStatistics(prompt))?.statistics.map(({ name }) => name) ?? [];
  if (names.length === 0) return featureMap?.statistics;
  if (featureMap?.statistics === undefined) return planOfTemplates(names);
  const { features, statisticMeans } = featureMap.toJson();
  const ofFeatures = features.filter((feature) => feature.type === "statistic");
  return planStatistics([...ofFeatures, ...templateStatistics(names)], statisticMeans!);
}
