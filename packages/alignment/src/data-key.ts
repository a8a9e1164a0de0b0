import { createHash } from "node:crypto";
import { basename } from "node:path";
import { prepareLog, type DataConfig, type InteractionLog } from "@corella/modality";

/**
 * The hash of what is read from the sources of a log.
 * @param places relative paths start at `baseFolder`; what was prepared before is read from `cacheFolder`
 * @throws CorellaError those of `prepareLog`
 */
export async function dataKey(
  config: DataConfig,
  { baseFolder, cacheFolder }: { readonly baseFolder: string; readonly cacheFolder: string },
): Promise<string> {
  const { folder, log } = await prepareLog(config, { baseFolder, cacheFolder });
  // Remote sources are not kept; their contents are hashed as they came.
  return folder === undefined ? logHash(log) : basename(folder);
}

function logHash(log: InteractionLog): string {
  const hash = createHash("sha256").update(JSON.stringify([log.users, log.items]));
  for (const { buffer, byteOffset, byteLength } of [log.user, log.item, log.rating, log.time, log.label])
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest("hex");
}
