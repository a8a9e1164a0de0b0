import ts from "typescript";
import type { Found } from "./violation.ts";

/** A first word that needs another comment to be understood. */
const leaning = /^(The same|Of|By|As|Likewise|Those)\b/;

/** Exported declarations of one file whose comments do not stand alone in a hover, with what is wrong. */
export function findComments(source: ts.SourceFile): readonly Found[] {
  const found: Found[] = [];
  const exportedBelow = new Set(source.statements.flatMap(namesExportedBy));
  // Of an overloaded function the first signature has the comment.
  const seen = new Set<string>();
  for (const statement of source.statements) {
    const names = declaredNames(statement);
    const exported = isExported(statement) || names.some((name) => exportedBelow.has(name));
    if (!exported || names.every((name) => seen.has(name))) continue;
    for (const name of names) seen.add(name);
    const line = source.getLineAndCharacterOfPosition(statement.getStart(source)).line + 1;
    const comment = docComment(source, statement);
    if (comment === undefined) {
      if (isFunction(statement)) found.push({ line, text: `${names.join(", ")} has no doc comment` });
    } else {
      const start = leaning.exec(comment)?.[0];
      if (start !== undefined)
        found.push({ line, text: `the comment of ${names.join(", ")} begins with "${start}"` });
    }
  }
  return found;
}

function isExported(statement: ts.Statement): boolean {
  const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
  return modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;
}

/** `export { a, b as c }` without `from`: a and b. */
function namesExportedBy(statement: ts.Statement): readonly string[] {
  if (!ts.isExportDeclaration(statement) || statement.moduleSpecifier !== undefined) return [];
  const clause = statement.exportClause;
  if (clause === undefined || !ts.isNamedExports(clause)) return [];
  return clause.elements.map(({ name, propertyName }) => (propertyName ?? name).text);
}

function declaredNames(statement: ts.Statement): readonly string[] {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  const isNamed =
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement);
  return isNamed ? [statement.name?.text ?? "default"] : [];
}

function isFunction(statement: ts.Statement): boolean {
  if (ts.isFunctionDeclaration(statement)) return true;
  if (!ts.isVariableStatement(statement)) return false;
  return statement.declarationList.declarations.some(
    ({ initializer }) =>
      initializer !== undefined && (ts.isArrowFunction(initializer) || ts.isFunctionExpression(initializer)),
  );
}

/** The text of the last doc comment before a statement, without its stars. */
function docComment(source: ts.SourceFile, statement: ts.Statement): string | undefined {
  const comments = ts.getLeadingCommentRanges(source.text, statement.pos) ?? [];
  const last = comments
    .map(({ pos, end }) => source.text.slice(pos, end))
    .findLast((text) => text.startsWith("/**"));
  return last?.replace(/^\/\*\*[\s*]*/, "");
}
