/**
 * The arrows of docs/architecture.md: which package of the workspace may import which. This is the only place where
 * they are written as data; a test holds the document to it, and `pnpm check` holds every import to it.
 */

/** Every package and app may import this one, which imports nothing. */
export const importedByAll = "errors";

const packageImports: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  random: [],
  files: [],
  configuration: [],
  terminal: [],
  jobs: [],
  safetensors: ["files"],
  metrics: ["random"],
  engine: ["safetensors", "files", "random"],
  modality: ["safetensors", "files", "random", "configuration"],
  crm: ["engine", "metrics"],
  llm: ["engine", "safetensors", "files"],
  routing: ["metrics"],
  evaluation: ["metrics", "routing"],
  bundle: ["modality", "crm", "llm", "routing", "engine", "safetensors", "files"],
  store: ["modality", "safetensors", "files"],
  serving: ["bundle", "modality", "routing"],
  batch: ["bundle", "modality", "routing", "evaluation", "files"],
  alignment: [
    "bundle",
    "modality",
    "crm",
    "llm",
    "routing",
    "metrics",
    "engine",
    "files",
    "random",
    "configuration",
  ],
};

const everyPackage: readonly string[] = Object.keys(packageImports).filter((name) => name !== importedByAll);

/** What each package and app may import besides `errors`, by the name after `@corella/`. Apps never import each other. */
export const allowedImports: Readonly<Record<string, readonly string[]>> = {
  ...packageImports,
  train: everyPackage,
  serve: everyPackage,
  evaluate: everyPackage,
  data: everyPackage,
  tune: everyPackage,
  score: everyPackage,
  worker: everyPackage,
  // Runs in a browser, and speaks to serve over HTTP alone.
  console: [],
  // Reads the sources and documents as text.
  docs: [],
};

/** The folder of the workspace whose packages may import anything, and which nothing else may import. */
export const toolingFolder = "tooling";

/** Folders whose members may import every package: tooling, and examples, which are consumers. */
export const unrestrictedFolders: readonly string[] = [toolingFolder, "examples"];

export function mayImport(importer: string, imported: string): boolean {
  if (imported === importedByAll) return importer !== importedByAll;
  return allowedImports[importer]?.includes(imported) ?? false;
}

/** Tests may also import what lies further below their package, for example to read goldens. */
export function testsMayImport(importer: string, imported: string): boolean {
  return (
    mayImport(importer, imported) ||
    (allowedImports[importer] ?? []).some((below) => testsMayImport(below, imported))
  );
}
