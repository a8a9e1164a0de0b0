import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** A package, app, tool or example. */
export interface Member {
  /** Relative to the repository, for example `packages/engine`. */
  readonly folder: string;
  /** `packages`, `apps`, `tooling` or `examples`. */
  readonly group: string;
  /** The name after `@corella/`. */
  readonly name: string;
  readonly manifest: Manifest;
}

export interface Manifest {
  readonly name?: string;
  readonly private?: boolean;
  readonly description?: string;
  readonly license?: string;
  readonly homepage?: string;
  readonly repository?: { readonly type: string; readonly url: string; readonly directory?: string };
  readonly bugs?: string;
  readonly keywords?: readonly string[];
  readonly engines?: Readonly<Record<string, string>>;
  readonly files?: readonly string[];
  readonly sideEffects?: boolean;
  readonly publishConfig?: { readonly access?: string; readonly provenance?: boolean };
  /** What other packages may import, by subpath. */
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Workspace {
  readonly root: string;
  readonly manifest: Manifest;
  /** What git tracks or would track, relative to the root, sorted. */
  readonly files: readonly string[];
  readonly members: readonly Member[];
}

export const scope = "@corella/";

export function readWorkspace(root: string): Workspace {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const files = [...new Set(listed.split("\0"))].filter(
    (file) => file !== "" && existsSync(join(root, file)),
  );
  files.sort();
  const members = files
    .filter((file) => /^(packages|apps|tooling|examples)\/[^/]+\/package\.json$/.test(file))
    .map((file) => {
      const folder = dirname(file);
      const manifest = readManifest(join(root, file));
      return {
        folder,
        group: dirname(folder),
        name: (manifest.name ?? basename(folder)).replace(scope, ""),
        manifest,
      };
    });
  return { root, files, members, manifest: readManifest(join(root, "package.json")) };
}

function readManifest(path: string): Manifest {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Manifest) : {};
}

/** The member whose folder holds the file. */
export function memberOf(workspace: Workspace, file: string): Member | undefined {
  return workspace.members.find(({ folder }) => file.startsWith(`${folder}/`));
}

/** Tests and what only they use: `auc.test.ts`, `arbitraries.test-helper.ts`. */
export function isTest(file: string): boolean {
  return /\.test(-helper)?\.[cm]?tsx?$/.test(file);
}
