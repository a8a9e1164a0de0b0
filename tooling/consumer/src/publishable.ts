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
    .map(({ folder, manifest }) => ({
      name: manifest.name,
      tarball: `${manifest.name.slice(1).replace("/", "-")}-${manifest.version}.tgz`,
      files: expectedFiles(folder, manifest),
    }));
}

interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly exports: Readonly<Record<string, unknown>>;
}

function readManifest(folder: string): PackageManifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as PackageManifest;
}

/** Each entry of tsdown.config.ts gives code and declarations; the licence comes from the repository's root. */
function expectedFiles(folder: string, { exports }: PackageManifest): readonly string[] {
  const entries = Object.entries(exports)
    .filter(([, target]) => typeof target === "object")
    .map(([subpath]) => (subpath === "." ? "index" : subpath.slice(2)));
  if (existsSync(join(folder, "src/worker.ts"))) entries.push("worker");
  return ["LICENSE", ...entries.flatMap((entry) => [`dist/${entry}.js`, `dist/${entry}.d.ts`])];
}
