import { resolve } from "node:path";
import { parse } from "yaml";
import { configForFolder, type LoadedConfig } from "./load-config.ts";

/** They say how a run is computed, not what it learns. */
const free: readonly string[] = ["runtime", "checkpointEverySeconds"];

/**
 * Path of the first setting in which two configurations differ; undefined when a run of the one may go on with the other:
 * the runtime and the time between checkpoints may change. Paths of files are compared by what they name.
 */
export function changedSetting(before: LoadedConfig, after: LoadedConfig): string | undefined {
  const [a, b] = [before, after].map((of) => parse(configForFolder(of, resolve("."))) as object);
  return firstDifference(a, b, []);
}

function firstDifference(a: unknown, b: unknown, path: readonly string[]): string | undefined {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null)
    return Object.is(a, b) ? undefined : path.join(".");
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    if (path.length === 0 && free.includes(key)) continue;
    const [inA, inB] = [a, b].map((of) => (of as Readonly<Record<string, unknown>>)[key]);
    const found = firstDifference(inA, inB, [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}
