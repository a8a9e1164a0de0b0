import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** Whose code decides what a CRM learns from data that are read. */
const packagesOfCrm: readonly string[] = ["alignment", "crm", "engine", "metrics", "modality", "random"];

/** What code is asked for by: what a CRM learns, or all that a run with its language model predicts. */
export type CodeOf = "crm" | "run";

/** Packages whose code decides it. */
const packages: Readonly<Record<CodeOf, readonly string[]>> = {
  crm: packagesOfCrm,
  run: [...packagesOfCrm, "bundle", "llm", "routing", "safetensors"],
};

const known = new Map<string, Promise<string>>();

/**
 * The hash of the code that trains a CRM, or of all code that a run's predictions come from: of the packages as they are
 * installed, whatever their versions say. What was made by other code is not taken in silence for what this code would make.
 */
export function codeKey(what: CodeOf): Promise<string> {
  if (!known.has(what)) known.set(what, hashOfFolders(packages[what].map(codeFolder)));
  return known.get(what)!;
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
