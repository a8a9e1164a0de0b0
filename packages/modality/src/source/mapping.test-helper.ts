import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DataConfigInput } from "../config.ts";
import { loadLog } from "../load-log.ts";
import type { InteractionLog } from "../log.ts";

/** A folder for the files of a test, and logs from them. */
export interface MappingFolder {
  readonly path: string;
  write(files: Readonly<Record<string, string>>): Promise<void>;
  load(source: DataConfigInput["source"], more?: Partial<DataConfigInput>): Promise<InteractionLog>;
  remove(): Promise<void>;
}

/** Makes a folder for the files of a test. */
export async function mappingFolder(): Promise<MappingFolder> {
  const path = await mkdtemp(join(tmpdir(), "corella-mapping-"));
  return {
    path,
    write: async (files) => {
      for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
    },
    load: (source, more = {}) => loadLog({ source, label: { threshold: 4 }, ...more }, { baseFolder: path }),
    remove: () => rm(path, { recursive: true }),
  };
}

/** Lines of ratings 1 to 5, a day apart from 2001 on, for users and items that are called as the lists say. */
export function ratingLines(count: number, users: readonly string[], items: readonly string[]): string {
  const line = (i: number): string =>
    [
      users[i % users.length],
      items[(i * 7 + Math.floor(i / 3)) % items.length],
      1 + (i % 5),
      1_000_000_000 + i * 86_400,
    ].join(",");
  return `user,item,rating,time\n${Array.from({ length: count }, (_, i) => line(i)).join("\n")}\n`;
}
