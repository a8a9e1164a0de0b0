import { link, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { writeFileAtomic } from "@corella/files";
import type { Output } from "./output.ts";

/** File systems without hard links say one of these. */
const noLinks = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

/** Parts in a folder: written to another name, fsynced, and then given their own, which fails if it is taken. */
export async function openFolder(folder: string, create: boolean): Promise<Output> {
  if (create) await mkdir(folder, { recursive: true });
  const placeOf = (name: string): string => join(folder, name);
  const has = (name: string): Promise<boolean> =>
    stat(placeOf(name)).then(
      () => true,
      () => false,
    );
  return {
    async putNew(name, bytes) {
      if (await has(name)) return false;
      const temporary = placeOf(`.${name}.${randomUUID()}.tmp`);
      try {
        await writeFileAtomic(temporary, bytes);
        await link(temporary, placeOf(name));
        return true;
      } catch (error) {
        const { code = "" } = error as NodeJS.ErrnoException;
        if (code === "EEXIST") return false;
        // Of two that come at the same moment the later one stays: with the same bytes, or finishing says so.
        if (!noLinks.includes(code)) throw error;
        await rename(temporary, placeOf(name));
        return true;
      } finally {
        await rm(temporary, { force: true });
      }
    },
    async get(name) {
      try {
        return await readFile(placeOf(name));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    has,
    placeOf,
  };
}
