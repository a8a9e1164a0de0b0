import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "@corella/files";
import {
  statisticsAtEnd,
  statisticsFromFiles,
  statisticsToFiles,
  type InteractionLog,
  type RunningStatistics,
  type StatisticsPlan,
} from "@corella/modality";
import { parseSafetensors, writeSafetensors } from "@corella/safetensors";
import { parseJson } from "./folder-files.ts";

const files = { facts: "statistics.json", arrays: "statistics.safetensors" } as const;

/** What the folder of a bundle holds where its feature map or its prompt has running statistics. */
export const statisticsFiles: readonly string[] = Object.values(files);

/** Writes what is counted at the end of a log into a bundle's folder. @param plan of all that its models need */
export async function writeStatistics(
  folder: string,
  plan: StatisticsPlan,
  log: InteractionLog,
): Promise<void> {
  const counted = statisticsToFiles(statisticsAtEnd(plan, log));
  await writeFileAtomic(join(folder, files.facts), JSON.stringify(counted.json));
  await writeSafetensors(join(folder, files.arrays), counted.tensors);
}

/**
 * Reads what was counted from a bundle's folder; each call gives a state of its own.
 * @throws CorellaError `features/bad-statistics`
 */
export async function readStatistics(folder: string, plan: StatisticsPlan): Promise<RunningStatistics> {
  const [facts, arrays] = [join(folder, files.facts), join(folder, files.arrays)];
  const json = parseJson(await readFile(facts, "utf8"), facts);
  const { tensors } = parseSafetensors(await readFile(arrays), arrays);
  return statisticsFromFiles(plan, { json, tensors }, facts);
}
