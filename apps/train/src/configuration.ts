import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { parseRunConfig, type RunConfig } from "@corella/alignment";
import { CorellaError } from "@corella/errors";
import { parseDocument, stringify } from "yaml";

export interface LoadedConfig {
  readonly config: RunConfig;
  /** Relative paths of the configuration start here. */
  readonly baseFolder: string;
}

/**
 * Reads a YAML configuration and applies `--set path.to.key=value`.
 * @throws CorellaError `config/missing`, `config/syntax` with line and column, `config/set`, and those of parseRunConfig
 */
export async function loadConfig(path: string, settings: readonly string[]): Promise<LoadedConfig> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new CorellaError({
      code: "config/missing",
      message: "The configuration cannot be read.",
      place: path,
      remedy: "Name another with --config, for example configs/movietweetings.yaml.",
      cause,
    });
  });
  const document = parseDocument(text);
  const mistake = document.errors[0];
  if (mistake !== undefined) {
    const line = mistake.linePos?.[0];
    throw new CorellaError({
      code: "config/syntax",
      message: mistake.message.split("\n")[0]!.replace(/ at line .*$/, "."),
      place: line === undefined ? path : `${path}:${line.line}:${line.col}`,
      remedy: "Correct the YAML there.",
    });
  }
  for (const setting of settings) {
    const match = /^([\w.]+)=(.*)$/s.exec(setting);
    if (match === null) {
      throw new CorellaError({
        code: "config/set",
        message: `"${setting}" is not of the form path.to.key=value.`,
        place: "--set",
        remedy: "For example --set stages.joint.samples=2000.",
      });
    }
    document.setIn(match[1]!.split("."), parseDocument(match[2]!).toJS());
  }
  return { config: parseRunConfig(document.toJS(), path), baseFolder: dirname(resolve(path)) };
}

/**
 * The resolved configuration as YAML for a run's folder: its paths start at that folder, so the file can be trained and
 * evaluated from there.
 */
export function configForRun({ config, baseFolder }: LoadedConfig, runFolder: string): string {
  const moved = (path: string): string =>
    isAbsolute(path) || /^[a-z][a-z0-9+.-]*:\/\//i.test(path)
      ? path
      : relative(resolve(runFolder), join(baseFolder, path));
  const { source } = config.data;
  const { base } = config.llm;
  const rewritten = {
    ...config,
    data: {
      ...config.data,
      source: Object.fromEntries(
        Object.entries(source).map(([table, value]) => [table, { ...value, path: moved(value.path) }]),
      ),
    },
    llm: { ...config.llm, base: base.kind === "pretrained" ? { ...base, folder: moved(base.folder) } : base },
  };
  return stringify(JSON.parse(JSON.stringify(rewritten)));
}
