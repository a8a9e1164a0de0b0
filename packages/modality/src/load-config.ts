import { mergeUnder, parseStrict, readYaml } from "@corella/configuration";
import { CorellaError, nearestName } from "@corella/errors";
import { type DataConfig, dataConfigSchema } from "./config.ts";
import {
  amazonBooks,
  movieLens100K,
  movieLens1M,
  movieLensCsv,
  type MovieLensCsvSet,
  movieTweetings,
} from "./presets.ts";

/** A known data set. */
interface DataPreset {
  /** Its config, from the path of its files. */
  readonly of: (path: string) => DataConfig;
  /** Where the files are looked for by default. */
  readonly path: string;
}

/** Configs of known data sets by name, from the path of their files; `path` is where they are looked for by default. */
export const dataPresets: Readonly<Record<string, DataPreset>> = {
  movietweetings: { of: movieTweetings, path: "data/movietweetings-100k" },
  "ml-1m": { of: movieLens1M, path: "ml-1m.zip" },
  "ml-100k": { of: movieLens100K, path: "ml-100k.zip" },
  "ml-20m": movieLensPreset("ml-20m"),
  "ml-25m": movieLensPreset("ml-25m"),
  "ml-32m": movieLensPreset("ml-32m"),
  "ml-latest": movieLensPreset("ml-latest"),
  "ml-latest-small": movieLensPreset("ml-latest-small"),
  "amazon-books": { of: amazonBooks, path: "." },
};

function movieLensPreset(set: MovieLensCsvSet): DataPreset {
  return { of: (path) => movieLensCsv(set, path), path: `${set}.zip` };
}

/**
 * The config of a known data set.
 * @param path of its files; undefined: where they are looked for by default
 * @param place where the name stands, for the error
 * @throws CorellaError `data/unknown-preset`
 */
export function dataPreset(name: string, path: string | undefined, place: string): DataConfig {
  const preset = Object.hasOwn(dataPresets, name) ? dataPresets[name] : undefined;
  if (preset !== undefined) return preset.of(path ?? preset.path);
  const names = Object.keys(dataPresets);
  const near = nearestName(name, names);
  throw new CorellaError({
    code: "data/unknown-preset",
    message: `There is no preset ${JSON.stringify(name)}.`,
    place,
    remedy: near === undefined ? `Name one of ${names.join(", ")}.` : `Did you mean ${near}?`,
  });
}

/**
 * `data` of a configuration with its preset written out: `{ preset: ml-1m, path: ml-1m.zip, filter: { minHistory: 10 } }`
 * is the preset's config for that path, with what stands beside it changed.
 * @throws CorellaError `data/unknown-preset`, `data/preset-and-source` where ratings of a path of their own stand beside it
 */
export function withDataPreset(data: unknown, place: string): unknown {
  if (typeof data !== "object" || data === null || !("preset" in data)) return data;
  const { preset, path, ...changes } = data as {
    preset: unknown;
    path?: unknown;
    source?: { ratings?: { path?: unknown } | null } | null;
  };
  if (changes.source?.ratings?.path !== undefined) {
    throw new CorellaError({
      code: "data/preset-and-source",
      message: `Which data, the preset ${String(preset)} or the ratings of ${String(changes.source.ratings.path)}?`,
      place: `${place}: data.preset`,
      remedy: "Leave out data.preset or data.source; where the files of a preset lie, data.path says.",
    });
  }
  return mergeUnder(
    changes,
    dataPreset(String(preset), path === undefined ? undefined : String(path), place),
    dataConfigSchema,
  );
}

/**
 * The data config of a YAML file: its `data`, as in a run's configuration, or the whole of it.
 * @throws CorellaError `data/unknown-preset`, and those of `readYaml` and `parseStrict`
 */
export async function loadDataConfig(path: string): Promise<DataConfig> {
  const content = (await readYaml(path)) as { data?: unknown } | null;
  return parseStrict(dataConfigSchema, withDataPreset(content?.data ?? content, path), path);
}
