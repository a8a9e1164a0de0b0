import { prepareData, type PreparedData } from "@corella/alignment";

let latest: { readonly key: string; readonly data: Promise<PreparedData> } | undefined;

/** `prepareData` that keeps the latest data: most trials of a search share them. */
export const prepareOnce: typeof prepareData = (config, baseFolder, cacheFolder) => {
  const key = JSON.stringify([config.data, config.features, baseFolder, cacheFolder]);
  if (latest?.key !== key) latest = { key, data: prepareData(config, baseFolder, cacheFolder) };
  return latest.data;
};
