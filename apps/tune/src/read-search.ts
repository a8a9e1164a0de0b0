import { dirname, isAbsolute, join } from "node:path";
import { isAsha, parseSearch, type SearchConfig } from "@corella/alignment";
import { readYaml } from "@corella/configuration";
import { CorellaError } from "@corella/errors";
import type { SearchOptions } from "./options.ts";

/** A search, and the configuration that it changes. */
export interface ReadSearch {
  readonly search: SearchConfig;
  readonly configPath: string;
}

/**
 * Reads a search file, if there is one; the command line goes before it.
 * @throws CorellaError `tune/no-config`, `tune/median-on-workers`, and those of `readYaml` and `parseSearch`
 */
export async function readSearch(path: string | undefined, options: SearchOptions): Promise<ReadSearch> {
  const content = ((path === undefined ? undefined : await readYaml(path)) ?? {}) as Record<string, unknown>;
  const place = path ?? "the command line";
  const parsed = parseSearch(content, place);
  const stopping = stoppingOf(parsed, content["stopping"] !== undefined, options, place);
  const search = { ...parsed, stopping, seeds: options.seeds ?? parsed.seeds };
  if (options.config !== undefined) return { search, configPath: options.config };
  if (path !== undefined && search.config !== undefined)
    return {
      search,
      configPath: isAbsolute(search.config) ? search.config : join(dirname(path), search.config),
    };
  throw new CorellaError({
    code: "tune/no-config",
    message: "There is no configuration to train.",
    place,
    remedy: "Name one with --config, or as `config` in the search file.",
  });
}

/** @param named whether the search file says `stopping` itself */
function stoppingOf(
  { stopping }: SearchConfig,
  named: boolean,
  { scheduler, workers }: SearchOptions,
  place: string,
): SearchConfig["stopping"] {
  const chosen = scheduler ?? (workers !== undefined && !named ? "asha" : undefined);
  const isMedian = stopping !== "none" && !isAsha(stopping);
  const wanted = chosen ?? (isMedian ? "median" : "as the file says");
  if (wanted === "median" && workers !== undefined)
    throw new CorellaError({
      code: "tune/median-on-workers",
      message: "The median rule watches trials while they train, which it cannot on workers.",
      place,
      remedy: "Add --scheduler asha, or --scheduler none.",
    });
  if (wanted === "asha")
    return isAsha(stopping) ? stopping : parseSearch({ stopping: "asha" }, place).stopping;
  if (wanted === "median") return isMedian ? stopping : parseSearch({}, place).stopping;
  return wanted === "none" ? "none" : stopping;
}
