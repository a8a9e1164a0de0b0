import ts from "typescript";
import { findComments } from "./comments.ts";
import type { Found } from "./violation.ts";

export interface SourceFacts {
  /** Module specifiers of imports, re-exports, `import()`, `import("x").Type`, `require()`, `vi.mock()`. */
  readonly imports: readonly Found[];
  /** What string literals and templates say. */
  readonly strings: readonly Found[];
  /** Exported declarations whose comments do not stand alone. */
  readonly comments: readonly Found[];
}

/** Reads the syntax tree of one TypeScript file, so that text in strings and comments is never taken for code. */
export function scanSource(file: string, text: string): SourceFacts {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true);
  const imports: Found[] = [];
  const strings: Found[] = [];
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node);
    if (specifier !== undefined) imports.push({ line: lineOf(source, specifier), text: specifier.text });
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node))
      strings.push({ line: lineOf(source, node), text: node.text });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { imports, strings, comments: findComments(source) };
}

function lineOf(source: ts.SourceFile, node: ts.Node): number {
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
}

function specifierOf(node: ts.Node): ts.StringLiteralLike | undefined {
  let specifier: ts.Node | undefined;
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) specifier = node.moduleSpecifier;
  else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
    specifier = node.argument.literal;
  else if (ts.isExternalModuleReference(node)) specifier = node.expression;
  else if (ts.isCallExpression(node) && loadsModule(node.expression)) specifier = node.arguments[0];
  return specifier !== undefined && ts.isStringLiteralLike(specifier) ? specifier : undefined;
}

/** `import(...)`, `require(...)`, `vi.mock(...)`, `vi.importActual(...)`. */
function loadsModule(callee: ts.Expression): boolean {
  return (
    callee.kind === ts.SyntaxKind.ImportKeyword ||
    /^(require|vi\.(mock|doMock|importActual|importMock))$/.test(callee.getText())
  );
}
