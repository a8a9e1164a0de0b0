import { existsSync } from "node:fs";
import { join } from "node:path";
import { execute, ReleaseFailure } from "../execute.ts";
import type { Publishable } from "./publishable.ts";

/** Packages by name, each with the path of its tarball. */
export type Tarballs = Readonly<Record<string, string>>;

/**
 * Packs every package that is published as `pnpm publish` would, and looks into the tarballs.
 * @param root a repository with its dependencies installed and built
 * @param folder is there, and gets the tarballs
 * @throws ReleaseFailure where one lacks what it should hold, or holds tests or sources
 */
export function packAll(root: string, packages: readonly Publishable[], folder: string): Tarballs {
  execute(root, [
    "npx",
    "--yes",
    "pnpm@12",
    "--filter",
    "./packages/*",
    "pack",
    "--pack-destination",
    folder,
  ]);
  return Object.fromEntries(
    packages.map(({ name, tarball, files }) => {
      const path = join(folder, tarball);
      if (!existsSync(path)) throw new ReleaseFailure(`pnpm pack made no ${tarball}`);
      const contents = filesOf(path);
      for (const file of files) {
        if (!contents.includes(file))
          throw new ReleaseFailure(`the tarball of ${name} lacks ${file}; run \`pnpm build\` first`);
      }
      const foreign = contents.filter((file) => /\.test\.|^src\//.test(file));
      if (foreign.length > 0) throw new ReleaseFailure(`the tarball of ${name} holds ${foreign.join(", ")}`);
      return [name, path];
    }),
  );
}

/** The files of a tarball, without the folder `package/` in which they lie, and without folders. */
export function filesOf(tarball: string): string[] {
  return execute(".", ["tar", "-tzf", tarball])
    .split("\n")
    .filter((line) => line !== "" && !line.endsWith("/"))
    .map((file) => file.replace(/^package\//, ""));
}
