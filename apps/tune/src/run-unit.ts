import {
  prepareData,
  readSpec,
  runTrialUnit,
  type PreparedData,
  type TrialResult,
  type TrialUnitOptions,
} from "@corella/alignment";

let latest: { readonly key: string; readonly data: Promise<PreparedData> } | undefined;
/** Whether this process has begun no unit yet. */
let isFresh = true;

/** `prepareData` that keeps the latest data: most trials of a search share them. */
export const prepareOnce: typeof prepareData = (config, baseFolder, cacheFolder) => {
  const key = JSON.stringify([config.data, config.features, baseFolder, cacheFolder]);
  if (latest?.key !== key) latest = { key, data: prepareData(config, baseFolder, cacheFolder) };
  return latest.data;
};

/**
 * Runs a unit of a search in this process, which runs nothing else than units, one after the other.
 * @throws CorellaError those of `readSpec` and `runTrialUnit`
 */
export async function runUnit(
  specFile: string,
  options: Pick<TrialUnitOptions, "signal" | "waiting">,
): Promise<TrialResult> {
  const ownProcess = isFresh;
  isFresh = false;
  return runTrialUnit(await readSpec(specFile), { ...options, ownProcess, prepare: prepareOnce });
}
