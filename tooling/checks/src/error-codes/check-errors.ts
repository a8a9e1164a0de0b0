import type { Violation } from "../violation.ts";
import { isTest } from "../workspace.ts";
import { catalogue, errorPage, type CatalogueEntry } from "./error-page.ts";
import { notes } from "./error-notes.ts";
import { findErrors, type FoundErrors } from "./find-errors.ts";

/** The catalogue of all error codes, written from the sources. */
export const errorsFile = "docs/errors.md";

/** The page as the sources say it now. */
export function currentErrorPage(texts: ReadonlyMap<string, string>): string {
  return errorPage(catalogue(errorsOf(texts).sites));
}

/** The errors of everything but tests and the rules themselves. */
function errorsOf(texts: ReadonlyMap<string, string>): FoundErrors {
  return findErrors(
    new Map(
      [...texts].filter(
        ([file]) =>
          /^(packages|apps|tooling)\/.*\.ts$/.test(file) &&
          !isTest(file) &&
          !file.startsWith("tooling/checks/"),
      ),
    ),
  );
}

/**
 * Every error code has an entry with cause and remedy, every entry a code, and each says what the code says now; no note
 * is left of a code that is gone.
 * @param texts files of the repository by name; without docs/errors.md nothing is checked
 */
export function checkErrors(texts: ReadonlyMap<string, string>): readonly Violation[] {
  const page = texts.get(errorsFile);
  if (page === undefined) return [];
  const { sites, unknown } = errorsOf(texts);
  const entries = catalogue(sites);
  const current = errorPage(entries);
  const violation = (file: string, line: number, problem: string, remedy: string): Violation => ({
    file,
    line,
    rule: "errors",
    problem,
    remedy,
  });
  const write = "run `pnpm check --write`";
  const told = new Set([...page.matchAll(/^### (\S+)$/gm)].map(([, code]) => code!));
  const codes = new Set(entries.map(({ code }) => code));
  const found = [
    ...[...codes].filter((code) => !told.has(code)).map((code) => `${code} has no entry`),
    ...[...told].filter((code) => !codes.has(code)).map((code) => `nothing makes ${code}`),
  ];
  if (found.length === 0 && page !== current) found.push("it says other than the sources");
  return [
    ...found.map((problem) => violation(errorsFile, 1, problem, write)),
    ...entries.flatMap((entry) => untold(entry).map((problem) => violation(errorsFile, 1, problem, say))),
    ...Object.keys(notes)
      .filter((code) => !codes.has(code))
      .map((code) =>
        violation("tooling/checks/src/error-codes/error-notes.ts", 1, `nothing makes ${code}`, "remove it"),
      ),
    ...unknown.map(({ file, line }) =>
      violation(
        file,
        line,
        "the code of this error is not found",
        "write it as text where the error is made, or where its function is called",
      ),
    ),
  ];
}

const say = "say it where the error is made, or in tooling/checks/src/error-codes/error-notes.ts";

function untold({ code, causes }: CatalogueEntry): readonly string[] {
  return [
    ...(causes.some(({ text }) => text === "") ? [`${code} tells no cause`] : []),
    ...(causes.some(({ remedy }) => remedy === "") ? [`${code} tells no remedy`] : []),
  ];
}
