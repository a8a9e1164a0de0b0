import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A package that is published. */
export interface Publishable {
  readonly name: string;
  readonly version: string;
  /** Relative to the repository: `packages/llm`. */
  readonly folder: string;
  /** The file that `pnpm pack` makes of it. */
  readonly tarball: string;
  /** Names of what it depends on at run time. */
  readonly dependencies: readonly string[];
  /** What a consumer may import: `@corella/llm`, `@corella/llm/gguf`. */
  readonly entryPoints: readonly string[];
  /** What its tarball must hold besides package.json. */
  readonly files: readonly string[];
}

/** The packages of a repository that are published, in the order of their folders. */
export function publishablePackages(root: string): readonly Publishable[] {
  return readdirSync(join(root, "packages"))
    .map((entry) => `packages/${entry}`)
    .filter((folder) => existsSync(join(root, folder, "package.json")))
    .map((folder) => ({ folder, manifest: readManifest(join(root, folder)) }))
    .filter(({ manifest }) => manifest.private !== true)
    .map(({ folder, manifest }) => ({
      name: manifest.name,
      version: manifest.version,
      folder,
      tarball: tarballName(manifest.name, manifest.version),
      dependencies: Object.keys(manifest.dependencies ?? {}),
      entryPoints: subpaths(manifest).map((subpath) => manifest.name + subpath.slice(1)),
      files: expectedFiles(join(root, folder), manifest),
    }));
}

/** `@corella/llm` and `0.1.0` to `corella-llm-0.1.0.tgz`. */
export function tarballName(name: string, version: string): string {
  return `${name.slice(1).replace("/", "-")}-${version}.tgz`;
}

interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, unknown>>;
}

function readManifest(folder: string): PackageManifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as PackageManifest;
}

/** `.` and `./gguf`: what is exported besides package.json. */
function subpaths({ exports }: PackageManifest): readonly string[] {
  return Object.keys(exports).filter((subpath) => typeof exports[subpath] === "object");
}

/** Each entry of tsdown.config.ts gives code and declarations; the licence comes from the repository's root. */
function expectedFiles(folder: string, manifest: PackageManifest): readonly string[] {
  const entries = subpaths(manifest).map((subpath) => (subpath === "." ? "index" : subpath.slice(2)));
  if (existsSync(join(folder, "src/worker.ts"))) entries.push("worker");
  return ["LICENSE", ...entries.flatMap((entry) => [`dist/${entry}.js`, `dist/${entry}.d.ts`])];
}
