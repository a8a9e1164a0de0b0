import { dirname, isAbsolute, relative, resolve } from "node:path";
import { readYaml, withSettings } from "@corella/configuration";
import { isHubReference } from "@corella/llm";
import { stringify } from "yaml";
import { parseRunConfig, runSettingsSchema, type RunConfig } from "./config.ts";

/** A configuration that was read from a file, and where its relative paths start. */
export interface LoadedConfig {
  readonly config: RunConfig;
  /** Relative paths of the configuration start here. */
  readonly baseFolder: string;
}

/**
 * Reads a run's configuration and applies `--set path.to.key=value`.
 * @throws CorellaError those of `readYaml` and `parseRunConfig`
 */
export async function loadRunConfig(path: string, settings: readonly string[] = []): Promise<LoadedConfig> {
  const config = parseRunConfig(await readRunSettings(path, settings), path);
  return { config, baseFolder: dirname(resolve(path)) };
}

/**
 * Reads what a run's configuration says, with settings changed and before any defaults. A setting that chooses another kind,
 * such as `llm.base.kind=pretrained` or `crm.model=DeepFM`, drops what only the kind before had.
 * @throws CorellaError those of `readYaml`
 */
export function readRunSettings(path: string, settings: readonly string[] = []): Promise<unknown> {
  return readYaml(path, settings, runSettingsSchema);
}

/** What `readRunSettings` gave, with further settings changed in the same way: values by their paths. */
export function withRunSettings(content: unknown, settings: Readonly<Record<string, unknown>>): unknown {
  return withSettings(content, Object.entries(settings), runSettingsSchema);
}

/**
 * The resolved configuration as YAML for another folder: its paths start there, so the file can be trained and evaluated
 * from there.
 */
export function configForFolder({ config, baseFolder }: LoadedConfig, folder: string): string {
  const moved = (path: string): string =>
    isAbsolute(path) || /^[a-z][a-z0-9+.-]*:\/\//i.test(path)
      ? path
      : relative(resolve(folder), resolve(baseFolder, path));
  const { source } = config.data;
  const { textTower, t5 } = config;
  const { base } = config.llm;
  const rewritten = {
    ...config,
    data: {
      ...config.data,
      source: Object.fromEntries(
        Object.entries(source).map(([table, value]) => [table, { ...value, path: moved(value.path) }]),
      ),
    },
    features: config.features?.map((feature) =>
      "vectors" in feature ? { ...feature, vectors: moved(feature.vectors) } : feature,
    ),
    textTower:
      textTower.kind === "pretrained" ? { ...textTower, folder: moved(textTower.folder) } : textTower,
    t5: t5.kind === "pretrained" ? { ...t5, folder: moved(t5.folder) } : t5,
    llm: {
      ...config.llm,
      base:
        base.kind === "pretrained" && !isHubReference(base.folder)
          ? { ...base, folder: moved(base.folder) }
          : base,
    },
  };
  return stringify(JSON.parse(JSON.stringify(rewritten)));
}
