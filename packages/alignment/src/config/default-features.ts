import { defaultFeatures, prepareLog } from "@corella/modality";
import type { LoadedConfig } from "./load-config.ts";
import { recipeNeeds } from "./recipe-names.ts";

/**
 * A configuration with its features written out: where it leaves them out and a CRM is trained, the default ones of its log.
 * @param cacheFolder what was prepared before is read from here
 * @param note is told of them, in one line
 * @throws CorellaError those of `prepareLog`
 */
export async function withDefaultFeatures<Loaded extends LoadedConfig>(
  loaded: Loaded,
  cacheFolder: string,
  note?: (text: string) => void,
): Promise<Loaded> {
  const { config, baseFolder } = loaded;
  if (config.features !== undefined || !recipeNeeds[config.recipe].crm) return loaded;
  const { log } = await prepareLog(config.data, { baseFolder, cacheFolder });
  const features = defaultFeatures(log);
  note?.(
    `The configuration names no features; the default ones: ${features.map(({ name }) => name).join(", ")}`,
  );
  return { ...loaded, config: { ...config, features } };
}
