import { createHash } from "node:crypto";
import { basename } from "node:path";
import {
  nameOfVectors,
  prepareLog,
  readFeatureVectors,
  vectorsNamed,
  type InteractionLog,
} from "@corella/modality";
import type { RunConfig } from "./config/config.ts";

/** What of a configuration says which files are read. */
type Sources = Pick<RunConfig, "data" | "features">;

/** The file in a run's folder that holds the key of the data that it trains on. */
export const dataKeyFile = "data.key";

/** A text that is equal where `dataKey` is, in one state of the files. */
export function sourcesOf({ data, features = [] }: Sources): string {
  return JSON.stringify([data, vectorsNamed(features)]);
}

/**
 * The hash of what is read from the sources of a log, and from the vectors of items that features name.
 * @param places relative paths start at `baseFolder`; what was prepared before is read from `cacheFolder`
 * @throws CorellaError those of `prepareLog` and `readFeatureVectors`
 */
export async function dataKey(
  { data, features = [] }: Sources,
  { baseFolder, cacheFolder }: { readonly baseFolder: string; readonly cacheFolder: string },
): Promise<string> {
  return keyOfRead(
    await prepareLog(data, { baseFolder, cacheFolder }),
    await readFeatureVectors(features, baseFolder),
  );
}

/** The hash of what was read. */
export function keyOfRead(
  { folder, log }: Awaited<ReturnType<typeof prepareLog>>,
  vectors: Awaited<ReturnType<typeof readFeatureVectors>> = new Map(),
): string {
  // Remote sources are not kept; their contents are hashed as they came.
  const ofLog = folder === undefined ? logHash(log) : basename(folder);
  return [ofLog, ...[...vectors.values()].map(nameOfVectors)].join(" ");
}

/** A hash of all that a log holds. */
export function logHash(log: InteractionLog): string {
  const { users, items, likedThreshold, part, context = [] } = log;
  const ofContext = context.map(({ name, values }) => ({ name, values }));
  const hash = createHash("sha256").update(
    JSON.stringify([users, items, likedThreshold, part !== undefined, ofContext]),
  );
  const codes = context.map((column) => column.codes);
  const columns = [log.user, log.item, log.rating, log.time, log.label, ...(part ? [part] : []), ...codes];
  for (const { buffer, byteOffset, byteLength } of columns)
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest("hex");
}
