import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** Whose code decides what a CRM learns from data that are read. */
const packages = ["alignment", "crm", "engine", "metrics", "modality", "random"] as const;

let known: Promise<string> | undefined;

/**
 * The hash of the code that trains a CRM: of the packages as they are installed, whatever their versions say. What was trained by
 * other code is not taken for what this code would train.
 */
export function codeKey(): Promise<string> {
  return (known ??= hashOfFolders(packages.map(codeFolder)));
}

/** The sources where they are there, as in the workspace; else what was built of them. */
function codeFolder(name: string): string {
  const { resolve } = createRequire(import.meta.url);
  const folder = dirname(resolve(`@corella/${name}/package.json`));
  const sources = join(folder, "src");
  return existsSync(sources) ? sources : join(folder, "dist");
}

/** The hash of all code below some folders: names and contents, without tests. */
export async function hashOfFolders(folders: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const folder of folders) {
    const names = (await readdir(folder, { recursive: true })).filter(isCode);
    for (const name of names.toSorted())
      hash.update(`${name.replaceAll("\\", "/")}\n`).update(await readFile(join(folder, name)));
  }
  return hash.digest("hex");
}

function isCode(name: string): boolean {
  return /\.[cm]?[jt]s$/.test(name) && !/\.(test|test-helper|d)\.[cm]?[jt]s$/.test(name);
}
