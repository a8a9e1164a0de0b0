import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ReleaseFailure } from "../execute.ts";
import type { Tarballs } from "../packages/pack.ts";
import type { Publishable } from "../packages/publishable.ts";

/** The dependencies of a manifest by name, each the file of its tarball. */
export function fileDependencies(tarballs: Tarballs): Record<string, string> {
  return Object.fromEntries(Object.entries(tarballs).map(([name, path]) => [name, `file:${path}`]));
}

/**
 * Writes a project outside of the workspace that uses every package from its tarball: its manifest, the options of the compiler,
 * consumer.ts, an import of every entry point and the first example of each README.
 * @param examples TypeScript files of examples that lie in the project as npm workspaces, for the compiler to look at
 */
export function writeProject(
  root: string,
  project: string,
  packages: readonly Publishable[],
  tarballs: Tarballs,
  examples: readonly string[],
): void {
  writeManifest(root, project, tarballs, ["examples/*"]);
  const files = [
    "consumer.ts",
    writeEntryPoints(project, packages),
    ...writeReadmes(root, project, packages),
  ];
  copyFileSync(join(import.meta.dirname, "consumer.ts"), join(project, "consumer.ts"));
  const compilerOptions = {
    target: "es2022",
    module: "nodenext",
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    rewriteRelativeImportExtensions: true,
    types: ["node"],
    // Also the declarations of the packages; those of others are left out of the result.
    skipLibCheck: false,
    rootDir: ".",
    outDir: "out",
  };
  const config = (what: object): string => JSON.stringify(what, null, 2);
  writeFileSync(join(project, "tsconfig.json"), config({ compilerOptions, files: [...files, ...examples] }));
  const upgraded = { ...compilerOptions, skipLibCheck: true, outDir: "upgraded" };
  writeFileSync(
    join(project, "tsconfig.upgraded.json"),
    config({ compilerOptions: upgraded, files: ["consumer.ts"] }),
  );
}

/** The project's manifest, which pins every package to a tarball. */
export function writeManifest(
  root: string,
  project: string,
  tarballs: Tarballs,
  workspaces: readonly string[],
): void {
  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const manifest = {
    name: "corella-consumer",
    private: true,
    type: "module",
    workspaces,
    dependencies: fileDependencies(tarballs),
    devDependencies: {
      "@types/node": devDependencies["@types/node"],
      typescript: devDependencies["typescript"],
    },
    // The packages depend on each other by version, and these versions are in no registry.
    overrides: Object.fromEntries(Object.keys(tarballs).map((name) => [name, `$${name}`])),
  };
  writeFileSync(join(project, "package.json"), JSON.stringify(manifest, null, 2));
}

/** A file that imports every entry point of every package and prints how much it exports. */
function writeEntryPoints(project: string, packages: readonly Publishable[]): string {
  const names = packages.flatMap(({ entryPoints }) => entryPoints);
  const lines = names.flatMap((name, index) => [
    `import * as entry${index} from "${name}";`,
    `console.log("${name}: " + Object.keys(entry${index}).length + " exports");`,
  ]);
  writeFileSync(join(project, "entry-points.ts"), lines.join("\n"));
  return "entry-points.ts";
}

/** The first example of each package's README as a file of its own. */
function writeReadmes(root: string, project: string, packages: readonly Publishable[]): string[] {
  return packages.map(({ name, folder }) => {
    const code = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, folder, "README.md"), "utf8"))?.[1];
    if (code === undefined) throw new ReleaseFailure(`the README of ${name} has no example`);
    const file = `${name.replace("@corella/", "")}.example.ts`;
    writeFileSync(join(project, file), code);
    return file;
  });
}

/**
 * Compiles what a file of compiler options names.
 * @throws ReleaseFailure with the errors of the project and of the packages' declarations; third parties' declarations are not ours to mend
 */
export function compile(project: string, options: string, written: string): void {
  const tsc = ["node_modules/typescript/bin/tsc", "--pretty", "false", "--project", options];
  const { stdout, stderr } = spawnSync("node", tsc, { cwd: project, encoding: "utf8" });
  const ours = `${stdout}${stderr}`
    .split("\n")
    .filter(
      (line) => line.includes("error ") && (!line.includes("node_modules/") || line.includes("/@corella/")),
    );
  if (ours.length > 0) throw new ReleaseFailure(`typecheck failed\n${ours.join("\n")}`);
  if (!existsSync(join(project, written))) throw new ReleaseFailure(`tsc wrote no ${written}\n${stderr}`);
}
