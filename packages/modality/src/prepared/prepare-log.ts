import { CorellaError } from "@corella/errors";
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { endianness } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { type DataConfig, type DataConfigInput, parseDataConfig } from "../config.ts";
import { loadLog } from "../load-log.ts";
import type { InteractionLog } from "../log.ts";
import { withDatabase } from "../source/database.ts";
import { expandGlob, isGlob, isRemote } from "../source/files.ts";
import { syncFolder } from "./column-files.ts";
import { readFolder, writeFolder } from "./log-folder.ts";

/** Part of every key: raise it when the meaning of the files or of loading changes. */
const formatVersion = 1;
const abandonedAfterMs = 24 * 3600 * 1000;

export interface PreparedLog {
  log: InteractionLog;
  /** Where it is kept; undefined for remote sources, which are read every time. */
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
  try {
    await keep(log, options.cacheFolder, folder);
  } catch (cause) {
    throw new CorellaError({
      code: "data/cache-not-writable",
      message: `The prepared data cannot be kept: ${cause instanceof Error ? cause.message : String(cause)}.`,
      place: options.cacheFolder,
      remedy: "Free some space, or give a cache folder that may be written.",
      cause,
    });
  }
  return { log, folder, reused: false };
}

async function keep(log: InteractionLog, cacheFolder: string, folder: string): Promise<void> {
  await mkdir(cacheFolder, { recursive: true });
  await removeAbandoned(cacheFolder);
  const unfinished = join(cacheFolder, `unfinished-${randomUUID()}`);
  try {
    await mkdir(unfinished);
    await writeFolder(unfinished, log);
    await moveInto(folder, unfinished, cacheFolder);
    await syncFolder(cacheFolder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Renames; where another process was faster its folder stays, unless it is damaged. */
async function moveInto(folder: string, finished: string, cacheFolder: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await rename(finished, folder);
    } catch (error) {
      const taken = ["ENOTEMPTY", "EEXIST", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "");
      if (!taken || attempt === 3) throw error;
      if ((await readFolder(folder)) !== undefined) return;
      const damaged = join(cacheFolder, `unfinished-${randomUUID()}`);
      await rename(folder, damaged).catch(() => {}); // another process may have moved it
      await rm(damaged, { recursive: true, force: true });
    }
  }
}

/** Folders of processes that died while writing. */
async function removeAbandoned(cacheFolder: string): Promise<void> {
  for (const name of await readdir(cacheFolder)) {
    if (!name.startsWith("unfinished-")) continue;
    const path = join(cacheFolder, name);
    const status = await stat(path).catch(() => undefined);
    if (status !== undefined && Date.now() - status.mtimeMs > abandonedAfterMs) {
      await rm(path, { recursive: true, force: true });
    }
  }
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
  }
  return hash.digest("hex").slice(0, 40);
}

/** The same contents elsewhere are the same data; only the kind of file matters. */
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

/** Of a file's contents; "" for one that is missing, which `loadLog` then tells. */
async function contentHash(path: string): Promise<string> {
  const status = await stat(path).catch(() => undefined);
  if (status === undefined || !status.isFile()) return "";
  if (status.size < 1 << 20)
    return createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}
