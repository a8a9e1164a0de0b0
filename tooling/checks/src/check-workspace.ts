import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkErrors, currentErrorPage, errorsFile } from "./error-codes/check-errors.ts";
import { checkFiles } from "./file-rules.ts";
import { checkImports } from "./imports.ts";
import { checkLayoutPages } from "./layout-pages.ts";
import { checkNames } from "./names.ts";
import { checkPublishedManifests, publishedFields, publishedMembers } from "./published-manifest.ts";
import { checkPublic } from "./public/check-public.ts";
import { scanSource, type SourceFacts } from "./source-scan.ts";
import { checkTestCommand } from "./test-command.ts";
import { checkComments, checkMessages, checkText } from "./text-rules.ts";
import type { Violation } from "./violation.ts";
import { readWorkspace } from "./workspace.ts";

const sourceFile = /\.[cm]?tsx?$/;
const textFile = /\.([cm]?[jt]sx?|json|jsonc|ya?ml|md|py|sh|toml|html|css)$|^\.ci\/|^\.npmrc$/;

/** All violations of a repository, by file and line. */
export function checkWorkspace(root: string): readonly Violation[] {
  const workspace = readWorkspace(root);
  const read = (file: string): string => readFileSync(join(root, file), "utf8");
  const readIfThere = (file: string): string | undefined =>
    existsSync(join(root, file)) ? read(file) : undefined;
  const texts = textsOf(workspace.files, read);
  const sources = new Map<string, SourceFacts>();
  for (const [file, text] of texts) {
    if (sourceFile.test(file)) sources.set(file, scanSource(file, text));
  }
  const violations = [
    ...checkImports(workspace, sources),
    ...[...sources].flatMap(([file, facts]) => [
      ...checkMessages(file, facts),
      ...checkComments(file, facts),
    ]),
    ...[...texts].flatMap(([file, text]) => checkText(file, text)),
    ...checkFiles(workspace, (file) => statSync(join(root, file)).size),
    ...checkNames(workspace.files),
    ...checkPublishedManifests(workspace),
    ...checkLayoutPages(workspace.files, read),
    ...checkErrors(texts),
    ...checkPublic(workspace, texts),
    ...checkTestCommand(readIfThere("README.md"), readIfThere(".ci/run")),
  ];
  return violations.toSorted((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}

/** Writes what is made from elsewhere: the catalogue of error codes, and what published manifests say as the repository's own does. */
export function writeGenerated(root: string): void {
  const workspace = readWorkspace(root);
  const { files } = workspace;
  for (const { folder } of publishedMembers(workspace)) {
    const file = join(root, folder, "package.json");
    const fields = publishedFields(workspace.manifest, folder);
    const manifest = JSON.parse(readFileSync(file, "utf8")) as object;
    if (fields !== undefined) writeFileSync(file, `${JSON.stringify({ ...manifest, ...fields }, null, 2)}\n`);
  }
  const texts = textsOf(files, (file) => readFileSync(join(root, file), "utf8"));
  writeFileSync(join(root, errorsFile), currentErrorPage(texts));
}

function textsOf(files: readonly string[], read: (file: string) => string): ReadonlyMap<string, string> {
  return new Map(files.filter((file) => textFile.test(file)).map((file) => [file, read(file)] as const));
}
