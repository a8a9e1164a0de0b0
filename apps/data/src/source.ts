import { basename, dirname, extname, resolve } from "node:path";
import { type DataConfig, dataPreset, dataPresets, loadDataConfig } from "@corella/modality";

/** What is to be summarised, and under which name. */
export interface DataSource {
  readonly name: string;
  readonly config: DataConfig;
  /** Relative paths of the configuration start here. */
  readonly baseFolder: string;
}

export const presetNames: readonly string[] = Object.keys(dataPresets);

/**
 * A preset with the path of its files, or a YAML file: a run's configuration, whose `data` counts, or that part alone.
 * @throws CorellaError `data/unknown-preset`, `config/missing`, `config/syntax`, `config/invalid`
 */
export async function openSource(name: string, path: string | undefined): Promise<DataSource> {
  if (!/\.ya?ml$/.test(name))
    return { name, config: dataPreset(name, path, "the first argument"), baseFolder: process.cwd() };
  return {
    name: basename(name, extname(name)),
    config: await loadDataConfig(name),
    baseFolder: dirname(resolve(name)),
  };
}
