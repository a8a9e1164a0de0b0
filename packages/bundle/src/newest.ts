import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { CorellaError } from "@corella/errors";

/**
 * The bundle that was finished last under a folder of runs.
 * @throws CorellaError `bundle/none` when there is none yet
 */
export async function newestBundle(runsFolder: string): Promise<string> {
  const names = await readdir(runsFolder).catch((): string[] => []);
  let newest: { folder: string; time: number } | undefined;
  for (const name of names) {
    const folder = join(runsFolder, name, "bundle");
    const time = await stat(join(folder, "manifest.json")).then(
      (found) => found.mtimeMs,
      () => undefined,
    );
    if (time !== undefined && (newest === undefined || time > newest.time)) newest = { folder, time };
  }
  if (newest === undefined) {
    throw new CorellaError({
      code: "bundle/none",
      message: "There is no bundle yet.",
      place: runsFolder,
      remedy: "Train one, or name the folder of one that lies elsewhere.",
    });
  }
  return newest.folder;
}
