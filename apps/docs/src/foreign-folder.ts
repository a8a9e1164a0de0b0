import { readdir } from "node:fs/promises";

/** What a build of a site writes, and nothing else does. */
const mark = "hashmap.json";

/** Whether a folder holds anything but a site: a build empties the folder that it writes to. */
export async function isForeignFolder(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names.length > 0 && !names.includes(mark);
}
