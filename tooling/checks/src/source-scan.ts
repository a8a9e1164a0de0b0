import ts from "typescript";

/** Something at a line, from 1. */
export interface Found {
  readonly line: number;
  readonly text: string;
}

export interface SourceFacts {
  /** Module specifiers of imports, re-exports, `import()`, `import("x").Type`, `require()`, `vi.mock()`. */
  readonly imports: readonly Found[];
  /** `test.only` and its like. */
  readonly focused: readonly Found[];
  /** The type `any`, written out. */
  readonly anys: readonly Found[];
  /** Comments that switch the type checker off. */
  readonly suppressions: readonly Found[];
}

/** Reads the syntax tree of one TypeScript file, so that text in strings and comments is never taken for code. */
export function scanSource(file: string, text: string): SourceFacts {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true);
  const imports: Found[] = [];
  const focused: Found[] = [];
  const anys: Found[] = [];
  const literals: ts.Node[] = [];
  const found = (node: ts.Node, content: string): Found => ({
    line: source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1,
    text: content,
  });

  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node);
    if (specifier !== undefined) imports.push(found(specifier, specifier.text));
    if (isFocused(node)) focused.push(found(node, node.getText(source)));
    if (node.kind === ts.SyntaxKind.AnyKeyword) anys.push(found(node, "any"));
    if (isText(node)) literals.push(node);
    ts.forEachChild(node, visit);
  };
  visit(source);

  const suppressions: Found[] = [];
  for (const match of text.matchAll(/@ts-(ignore|nocheck)/g)) {
    if (literals.some((node) => node.getStart(source) <= match.index && match.index < node.end)) continue;
    const { line } = source.getLineAndCharacterOfPosition(match.index);
    suppressions.push({ line: line + 1, text: match[0] });
  }
  return { imports, focused, anys, suppressions };
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

function isFocused(node: ts.Node): boolean {
  if (!ts.isPropertyAccessExpression(node) || node.name.text !== "only") return false;
  return /^(test|it|describe|suite|bench)\b/.test(node.expression.getText());
}

function isText(node: ts.Node): boolean {
  return (
    ts.isStringLiteralLike(node) ||
    node.kind === ts.SyntaxKind.RegularExpressionLiteral ||
    ts.isTemplateExpression(node)
  );
}
