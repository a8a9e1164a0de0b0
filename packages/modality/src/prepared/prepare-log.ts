import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { endianness } from "node:os";
import { isAbsolute, join, relative, resolve } from "node:path";
import { hashFile } from "@corella/files";
import { type DataConfig, type DataConfigInput, parseDataConfig } from "../config.ts";
import { loadLog } from "../load-log.ts";
import type { InteractionLog } from "../log.ts";
import { withDatabase } from "../source/database.ts";
import { expandGlob, isGlob } from "../source/files.ts";
import { isRemote } from "../source/remote.ts";
import { makeFolder } from "./content-folder.ts";
import { readFolder, writeFolder } from "./log-folder.ts";

/** Part of every key: raise it when the meaning of the files or of loading changes. */
const formatVersion = 2;

/** A log, and where it is kept. */
export interface PreparedLog {
  log: InteractionLog;
  /** The folder that keeps it; undefined for remote sources, which are read every time. */
  folder: string | undefined;
  /** Whether it was there already. */
  reused: boolean;
}

/**
 * `loadLog`, kept in a folder of column files that is named by the hash of the config and of the sources' contents.
 * A crash leaves no half folder behind, two processes may prepare at once, a damaged folder is made anew.
 */
export async function prepareLog(
  config: DataConfigInput,
  options: { cacheFolder: string; baseFolder?: string },
): Promise<PreparedLog> {
  const parsed = parseDataConfig(config);
  const baseFolder = options.baseFolder ?? process.cwd();
  const key = await keyOf(parsed, baseFolder);
  if (key === undefined)
    return { log: await loadLog(parsed, { baseFolder }), folder: undefined, reused: false };
  const folder = join(options.cacheFolder, key);
  const kept = await readFolder(folder);
  if (kept !== undefined) return { log: kept, folder, reused: true };

  const log = await loadLog(parsed, { baseFolder });
  await makeFolder(
    folder,
    (unfinished) => writeFolder(unfinished, log),
    async () => (await readFolder(folder)) !== undefined,
  );
  return { log, folder, reused: false };
}

/** The hash of all that loading depends on; undefined when a source is remote. */
async function keyOf(config: DataConfig, baseFolder: string): Promise<string | undefined> {
  const { source, label, filter, history } = config;
  const hash = createHash("sha256");
  const { kCoreUsers, kCoreItems } = filter; // minHistory and split choose rows of the log, but do not change it
  hash.update(
    JSON.stringify([
      formatVersion,
      endianness(),
      withoutPaths(source),
      label,
      { kCoreUsers, kCoreItems },
      history,
    ]),
  );
  for (const table of [source.ratings, source.items, source.users]) {
    if (table === undefined) continue;
    if (isRemote(table.path)) return undefined;
    const path = isAbsolute(table.path) ? table.path : resolve(baseFolder, table.path);
    const paths = isGlob(path) ? await withDatabase((connection) => expandGlob(connection, path)) : [path];
    for (const file of paths) hash.update(await contentHash(file));
    // Parts go by the names of files.
    if (
      table === source.ratings &&
      source.ratings.parts !== undefined &&
      source.ratings.columns.part === undefined
    )
      hash.update(JSON.stringify(paths.map((file) => relative(baseFolder, file))));
  }
  return hash.digest("hex").slice(0, 40);
}

/** A source as it enters the key: contents that were moved are still the same data, so only the kind of file counts. */
function withoutPaths(source: DataConfig["source"]): unknown {
  return Object.entries(source).map(([table, config]: [string, object | undefined]) =>
    config === undefined
      ? [table]
      : [
          table,
          {
            ...config,
            path: /(?:\.\w+)?$/.exec((config as { path: string }).path)![0],
            whereToGet: undefined,
          },
        ],
  );
}

/** The hash of a file's contents; "" for one that is missing, which `loadLog` then tells. */
async function contentHash(path: string): Promise<string> {
  const status = await stat(path).catch(() => undefined);
  if (status === undefined || !status.isFile()) return "";
  return (await hashFile(path)).sha256;
}
