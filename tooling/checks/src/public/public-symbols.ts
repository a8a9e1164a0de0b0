import { posix } from "node:path";
import ts from "typescript";
import type { Workspace } from "../workspace.ts";

/** Something that a consumer can import. */
export interface PublicSymbol {
  readonly name: string;
  /** For example `@corella/llm/gguf`. */
  readonly door: string;
  /** Where it is declared, relative to the repository. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** The text of its doc comment without stars, undefined where there is none. */
  readonly comment: string | undefined;
}

/** What the entry points of all packages export, re-exports followed to where they are declared. */
export function publicSymbols(
  { members }: Pick<Workspace, "members">,
  texts: ReadonlyMap<string, string>,
): readonly PublicSymbol[] {
  const parsed = new Map<string, ts.SourceFile>();
  const sourceOf = (file: string): ts.SourceFile => {
    let source = parsed.get(file);
    if (source === undefined) {
      source = ts.createSourceFile(file, texts.get(file) ?? "", ts.ScriptTarget.ESNext, true);
      parsed.set(file, source);
    }
    return source;
  };
  return members
    .filter(({ group }) => group === "packages")
    .flatMap(({ folder, manifest }) =>
      Object.entries(manifest.exports ?? {}).flatMap(([path, target]) => {
        const { source } = (typeof target === "object" ? target : {}) as { readonly source?: string };
        if (source === undefined) return [];
        const door = `${manifest.name}${path.slice(1)}`;
        return exportsOf(posix.join(folder, source), sourceOf).map((symbol) => ({ ...symbol, door }));
      }),
    );
}

type Exported = Omit<PublicSymbol, "door">;

function exportsOf(file: string, sourceOf: (file: string) => ts.SourceFile): readonly Exported[] {
  const source = sourceOf(file);
  const found: Exported[] = [];
  for (const statement of source.statements) {
    if (ts.isExportDeclaration(statement)) found.push(...passedOn(file, statement, sourceOf));
    else if (ts.canHaveModifiers(statement)) {
      const isExported = ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
      if (isExported === true) found.push(...declared(source, statement));
    }
  }
  return found;
}

/** `export { a, type b as c } from "./x.ts"`, `export * from`, and `export { a }` of what is declared or imported above. */
function passedOn(
  file: string,
  statement: ts.ExportDeclaration,
  sourceOf: (file: string) => ts.SourceFile,
): readonly Exported[] {
  const { exportClause, moduleSpecifier } = statement;
  const specifier =
    moduleSpecifier !== undefined && ts.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : "";
  // What another package declares is checked there.
  if (moduleSpecifier !== undefined && !specifier.startsWith(".")) return [];
  const target = moduleSpecifier === undefined ? file : posix.join(posix.dirname(file), specifier);
  if (exportClause === undefined) return exportsOf(target, sourceOf);
  if (!ts.isNamedExports(exportClause)) return [];
  return exportClause.elements.flatMap(({ name, propertyName }): readonly Exported[] => {
    const found = declarationsOf(target, (propertyName ?? name).text, sourceOf);
    // What is not found is not documented either.
    if (found.length === 0) return [{ name: name.text, file: target, line: 1, comment: undefined }];
    return found.map((each) => ({ ...each, name: name.text }));
  });
}

/** What a file declares, passes on or imports by a name. */
function declarationsOf(
  file: string,
  name: string,
  sourceOf: (file: string) => ts.SourceFile,
): readonly Exported[] {
  const source = sourceOf(file);
  const own = source.statements
    .flatMap((statement) => declared(source, statement))
    .filter((each) => each.name === name);
  if (own.length > 0) return own;
  return source.statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement)) return [];
    if (statement.moduleSpecifier !== undefined)
      return passedOn(file, statement, sourceOf).filter((each) => each.name === name);
    // Imported from elsewhere, and told where it is passed on.
    const { exportClause: names } = statement;
    const isNamed =
      names !== undefined &&
      ts.isNamedExports(names) &&
      names.elements.some((each) => each.name.text === name);
    return isNamed ? [{ name, ...placeOf(source, statement) }] : [];
  });
}

function declared(source: ts.SourceFile, statement: ts.Statement): readonly Exported[] {
  const names = ts.isVariableStatement(statement)
    ? statement.declarationList.declarations.map(({ name }) => name.getText())
    : ts.isFunctionDeclaration(statement) ||
        ts.isClassDeclaration(statement) ||
        ts.isInterfaceDeclaration(statement) ||
        ts.isTypeAliasDeclaration(statement)
      ? [statement.name?.text ?? "default"]
      : [];
  return names.map((name) => ({ name, ...placeOf(source, statement) }));
}

/** Where a statement is, and the doc comment before it. */
function placeOf(source: ts.SourceFile, statement: ts.Statement): Omit<Exported, "name"> {
  const line = source.getLineAndCharacterOfPosition(statement.getStart(source)).line + 1;
  const comment = ts
    .getLeadingCommentRanges(source.text, statement.pos)
    ?.map(({ pos, end }) => source.text.slice(pos, end))
    .findLast((text) => text.startsWith("/**"))
    ?.replace(/^\/\*\*\s?|\s*\*\/$/g, "")
    .replaceAll(/^\s*\* ?/gm, "");
  return { file: source.fileName, line, comment };
}
