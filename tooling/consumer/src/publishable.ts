import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A package that is published. */
export interface Publishable {
  readonly name: string;
  /** The file that `pnpm pack` makes of it. */
  readonly tarball: string;
  /** What its tarball must hold besides package.json. */
  readonly files: readonly string[];
}

export function publishablePackages(root: string): readonly Publishable[] {
  return readdirSync(join(root, "packages"))
    .map((entry) => join(root, "packages", entry))
    .filter((folder) => existsSync(join(folder, "package.json")))
    .map((folder) => ({ folder, manifest: readManifest(folder) }))
    .filter(({ manifest }) => manifest.private !== true)
    .map(({ folder, manifest: { name, version } }) => ({
      name,
      tarball: `${name.slice(1).replace("/", "-")}-${version}.tgz`,
      files: expectedFiles(folder),
    }));
}

interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
}

function readManifest(folder: string): PackageManifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as PackageManifest;
}

/** Each entry of tsdown.config.ts gives code and declarations; the licence comes from the repository's root. */
function expectedFiles(folder: string): readonly string[] {
  const entries = ["index", "worker"].filter((entry) => existsSync(join(folder, "src", `${entry}.ts`)));
  return ["LICENSE", ...entries.flatMap((entry) => [`dist/${entry}.js`, `dist/${entry}.d.ts`])];
}
