import { basename, dirname, extname, resolve } from "node:path";
import { CorellaError } from "@corella/errors";
import { type DataConfig, dataPreset, dataPresets, loadDataConfig } from "@corella/modality";

/** What is to be summarised, and under which name. */
export interface DataSource {
  readonly name: string;
  readonly config: DataConfig;
  /** Relative paths of the configuration start here. */
  readonly baseFolder: string;
}

/** Names of the data sets that need no configuration. */
export const presetNames: readonly string[] = Object.keys(dataPresets);

/**
 * A preset with the path of its files, or a YAML file: a run's configuration, whose `data` counts, or that part alone.
 * @throws CorellaError `data/unknown-preset`, `data/path-twice`, `config/missing`, `config/syntax`, `config/invalid`
 */
export async function openSource(name: string, path: string | undefined): Promise<DataSource> {
  if (!/\.ya?ml$/.test(name))
    return { name, config: dataPreset(name, path, "the first argument"), baseFolder: process.cwd() };
  if (path !== undefined) {
    throw new CorellaError({
      code: "data/path-twice",
      message: `${path} is not read: ${name} says itself where its files lie.`,
      place: "the second argument",
      remedy: "Leave it out, or name a preset in place of the file.",
    });
  }
  return {
    name: basename(name, extname(name)),
    config: await loadDataConfig(name),
    baseFolder: dirname(resolve(name)),
  };
}
