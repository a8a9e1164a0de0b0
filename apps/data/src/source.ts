import { readFile } from "node:fs/promises";
import { basename, dirname, extname, resolve } from "node:path";
import { CorellaError, nearestName } from "@corella/errors";
import {
  amazonBooks,
  type DataConfig,
  type DataConfigInput,
  movieLens100K,
  movieLens1M,
  movieTweetings,
  parseDataConfig,
} from "@corella/modality";
import { parseDocument } from "yaml";

/** What is to be summarised, and under which name. */
export interface DataSource {
  readonly name: string;
  readonly config: DataConfig;
  /** Relative paths of the configuration start here. */
  readonly baseFolder: string;
}

const presets: Readonly<Record<string, { of: (path: string) => DataConfig; path: string }>> = {
  movietweetings: { of: movieTweetings, path: "data/movietweetings-100k" },
  "ml-1m": { of: movieLens1M, path: "ml-1m.zip" },
  "ml-100k": { of: movieLens100K, path: "ml-100k.zip" },
  "amazon-books": { of: amazonBooks, path: "." },
};

export const presetNames: readonly string[] = Object.keys(presets);

/**
 * A preset with the path of its files, or a YAML file: a run's configuration, whose `data` counts, or that part alone.
 * @throws CorellaError `data/unknown-preset`, `config/missing`, `config/syntax`, `config/invalid`
 */
export async function openSource(name: string, path: string | undefined): Promise<DataSource> {
  const preset = presets[name];
  if (preset !== undefined)
    return { name, config: preset.of(path ?? preset.path), baseFolder: process.cwd() };
  if (!/\.ya?ml$/.test(name)) {
    const near = nearestName(name, presetNames);
    throw new CorellaError({
      code: "data/unknown-preset",
      message: `There is no preset ${JSON.stringify(name)}.`,
      place: "the first argument",
      remedy:
        near === undefined
          ? `Name one of ${presetNames.join(", ")}, or a YAML file.`
          : `Did you mean ${near}?`,
    });
  }
  return {
    name: basename(name, extname(name)),
    config: parseDataConfig(await readYaml(name)),
    baseFolder: dirname(resolve(name)),
  };
}

async function readYaml(path: string): Promise<DataConfigInput> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new CorellaError({
      code: "config/missing",
      message: "The configuration cannot be read.",
      place: path,
      remedy: "Name another, for example configs/movietweetings.yaml.",
      cause,
    });
  });
  const document = parseDocument(text);
  const mistake = document.errors[0];
  if (mistake === undefined) {
    const content = document.toJS() as { data?: DataConfigInput } | null;
    return content?.data ?? (content as unknown as DataConfigInput); // the schema judges what it is
  }
  const line = mistake.linePos?.[0];
  throw new CorellaError({
    code: "config/syntax",
    message: mistake.message.split("\n")[0]!.replace(/ at line .*$/, "."),
    place: line === undefined ? path : `${path}:${line.line}:${line.col}`,
    remedy: "Correct the YAML there.",
  });
}
