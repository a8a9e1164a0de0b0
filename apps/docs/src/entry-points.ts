import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

/** What a consumer imports, and the file that it is. */
export interface EntryPoint {
  /** For example `@corella/llm/gguf`. */
  readonly door: string;
  /** Relative to the repository. */
  readonly source: string;
}

/** The entry points of all published packages, by name. */
export async function entryPoints(repository: string): Promise<readonly EntryPoint[]> {
  const folders = (await readdir(join(repository, "packages"))).toSorted();
  const entries = await Promise.all(
    folders.map(async (folder) => {
      const manifest = JSON.parse(
        await readFile(join(repository, "packages", folder, "package.json"), "utf8"),
      ) as {
        readonly name: string;
        readonly exports: Readonly<Record<string, string | { readonly source?: string }>>;
      };
      return Object.entries(manifest.exports).flatMap(([path, target]) =>
        typeof target === "string" || target.source === undefined
          ? []
          : [
              {
                door: manifest.name + path.slice(1),
                source: `packages/${folder}/${target.source.replace("./", "")}`,
              },
            ],
      );
    }),
  );
  return entries.flat();
}
