import { join } from "node:path";
import { parseCrmConfig } from "@corella/crm";
import { codeKey } from "../code-key.ts";
import { parseRunConfig } from "../config/config.ts";
import { withRunSettings } from "../config/load-config.ts";
import { recipeNeeds } from "../config/recipe-names.ts";
import { resolveConfig } from "../config/resolve-config.ts";
import { dataKey, sourcesOf } from "../data-key.ts";
import type { ResolvedConfig } from "../run.ts";
import { resultKey } from "./keys.ts";
import { readResult, type ExperimentResult } from "./stored-result.ts";
import type { Variant } from "./variant.ts";

/** One training: a variant with a seed, checked, and whether it was there already. */
export interface PlannedRun {
  readonly variant: Variant;
  readonly config: ResolvedConfig;
  /** The hash of all that the result depends on. */
  readonly key: string;
  /** What an earlier call left. */
  readonly found: ExperimentResult | undefined;
  /** Whether what was found was trained or scored, wholly or in part, by other code than this. */
  readonly isOfOtherCode: boolean;
}

/** Where experiments read and write. */
export interface ExperimentOptions {
  /** Relative paths of the configuration start here. */
  readonly baseFolder: string;
  /** Where prepared data are kept. */
  readonly cacheFolder: string;
  /** Where results and trained phases are kept, each under its key. */
  readonly experimentsFolder: string;
  /** The configuration's file, for errors. */
  readonly place: string;
  /** So many rows of the test part are scored where an LLM answers, of whole users; default: all. */
  readonly testRows?: number | undefined;
}

/** Whether other code than that of a key made a result, or a part of it. */
export function isOfOther(result: Pick<ExperimentResult, "code">, code: string): boolean {
  return result.code.some((key) => key !== code);
}

/** The file of a result. */
export function resultFile({ experimentsFolder }: ExperimentOptions, key: string): string {
  return join(experimentsFolder, "results", `${key}.json`);
}

/**
 * The runs of some variants, each with as many seeds from the configuration's on, checked before anything is trained.
 * Variants of equal settings are one run for both.
 * @param content of the run's configuration
 * @throws CorellaError those of `parseRunConfig`, `parseCrmConfig` and `prepareLog`
 */
export async function planExperiments(
  content: unknown,
  variants: readonly Variant[],
  seeds: number,
  options: ExperimentOptions,
): Promise<PlannedRun[]> {
  const planned: PlannedRun[] = [];
  const code = await codeKey("run");
  const dataKeys = new Map<string, Promise<string>>();
  for (const variant of variants) {
    const changed = withRunSettings(content, variant.settings);
    const given = parseRunConfig(changed, options.place);
    const { baseFolder, cacheFolder } = options;
    const { config: parsed } = await resolveConfig({ config: given, baseFolder }, cacheFolder);
    // A CRM alone scores all rows at once.
    const testSamples = recipeNeeds[parsed.recipe].llm ? options.testRows : undefined;
    const first = { ...parsed, testSamples };
    if (recipeNeeds[first.recipe].crm) parseCrmConfig(first.crm);
    const sources = sourcesOf(first);
    if (!dataKeys.has(sources)) dataKeys.set(sources, dataKey(first, options));
    for (let seed = first.seed; seed < first.seed + seeds; seed++) {
      const config = { ...first, seed };
      const keyed = { config, dataKey: await dataKeys.get(sources)!, baseFolder };
      const key = await resultKey(keyed);
      const found = await readResult(resultFile(options, key));
      const isOfOtherCode = found !== undefined && isOfOther(found, code);
      planned.push({ variant, config, key, found, isOfOtherCode });
    }
  }
  return planned;
}
