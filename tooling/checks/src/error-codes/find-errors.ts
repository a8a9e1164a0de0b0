import ts from "typescript";

/** An error as a place of the code makes it. */
export interface ErrorSite {
  readonly code: string;
  /** What it says, as written there: `{…}` where a value comes in. Empty where it comes from elsewhere. */
  readonly messages: readonly string[];
  readonly remedies: readonly string[];
  /** Relative to the repository. */
  readonly file: string;
  /** The function that makes it, or undefined at the top of a file. */
  readonly by: string | undefined;
}

/** What was found in the sources. */
export interface FoundErrors {
  readonly sites: readonly ErrorSite[];
  /** Places, with the line, whose code the sources do not tell. */
  readonly unknown: readonly { readonly file: string; readonly line: number }[];
}

const codeShape = /^[a-z]+(-[a-z]+)*\/[a-z\d]+(-[a-z\d]+)*$/;

/**
 * Every `CorellaError` that the sources make, by their syntax alone: `new CorellaError({ code, message, remedy })`,
 * objects of such parts, and what is passed to a function that makes one (`oipError("oip/bad-tensor", …)`).
 * @param sources text by file; tests are not among them
 */
export function findErrors(sources: ReadonlyMap<string, string>): FoundErrors {
  const files = [...sources].map(([file, text]) =>
    ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true),
  );
  const calls = new Calls(files);
  const sites: ErrorSite[] = [];
  const unknown: { file: string; line: number }[] = [];
  for (const source of files) {
    const visit = (node: ts.Node): void => {
      if (ts.isObjectLiteralExpression(node)) {
        const found = errorOf(node, calls);
        if (found === "unknown")
          unknown.push({
            file: source.fileName,
            line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1,
          });
        else sites.push(...found);
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return { sites, unknown };
}

function errorOf(node: ts.ObjectLiteralExpression, calls: Calls): readonly ErrorSite[] | "unknown" {
  if (ts.isPropertyAssignment(node.parent) && ts.isStringLiteral(node.parent.name)) {
    const described = describedProblem(node, node.parent.name.text);
    if (described !== undefined) return [described];
  }
  const made =
    (ts.isNewExpression(node.parent) && node.parent.expression.getText() === "CorellaError") ||
    (ts.isCallExpression(node.parent) && node.parent.expression.getText() === "plainError");
  const code = valueOf(node, "code");
  if (code === undefined) return [];
  if (!made && (valueOf(node, "message") === undefined || !isError(code))) return [];
  // An error that is made again of another's parts.
  if (isTakenFromError(code)) return [];
  const ways = calls.waysTo(node, [code, valueOf(node, "message"), valueOf(node, "remedy")]);
  const sites = ways.flatMap(({ values: [codes, messages, remedies], at }) =>
    (codes ?? [])
      .filter((each) => codeShape.test(each))
      .map((each) => ({
        code: each,
        messages: messages ?? [],
        remedies: remedies ?? [],
        file: at.getSourceFile().fileName,
        by: nameAround(at),
      })),
  );
  return sites.length === 0 && made && !isPartOfParameter(code) ? "unknown" : sites;
}

/** `"serve/busy": { meaning, remedy }`, in a table of what a protocol answers. */
function describedProblem(node: ts.ObjectLiteralExpression, code: string): ErrorSite | undefined {
  const [meaning, remedy] = [valueOf(node, "meaning"), valueOf(node, "remedy")];
  if (!codeShape.test(code) || meaning === undefined || remedy === undefined) return undefined;
  return {
    code,
    messages: literals(meaning) ?? [],
    remedies: literals(remedy) ?? [],
    file: node.getSourceFile().fileName,
    by: nameOfVariableAround(node),
  };
}

/** Objects with `code` and `message` that are no errors of ours have other codes. */
function isError(code: ts.Expression): boolean {
  return literals(code)?.some((text) => codeShape.test(text)) ?? true;
}

/** `error.code`, or `code` that was taken from an error or from the parts of one, which are found where they are written. */
function isTakenFromError(code: ts.Expression): boolean {
  if (ts.isPropertyAccessExpression(code)) return code.name.text === "code";
  const declared = ts.isIdentifier(code) ? declarationOf(code) : undefined;
  return (
    declared !== undefined &&
    ts.isBindingElement(declared) &&
    ts.isVariableDeclaration(declared.parent.parent)
  );
}

/** A function that gets the parts of an error as one object: they are found where they are written. */
function isPartOfParameter(code: ts.Expression): boolean {
  const declared = ts.isIdentifier(code) ? declarationOf(code) : undefined;
  return declared !== undefined && ts.isBindingElement(declared);
}

/** The value of a property of an object, also of a short one. */
function valueOf(object: ts.ObjectLiteralExpression, name: string): ts.Expression | undefined {
  for (const property of object.properties) {
    if (property.name?.getText() !== name) continue;
    if (ts.isPropertyAssignment(property)) return property.initializer;
    if (ts.isShorthandPropertyAssignment(property)) return property.name;
  }
  return undefined;
}

/** What an expression may be, as text; undefined where a variable or a call says it. */
function literals(node: ts.Expression): readonly string[] | undefined {
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isNonNullExpression(node))
    return literals(node.expression);
  if (ts.isConditionalExpression(node)) {
    const both = [literals(node.whenTrue), literals(node.whenFalse)];
    return both.every((each) => each === undefined) ? undefined : both.flatMap((each) => each ?? []);
  }
  if (ts.isTemplateExpression(node)) {
    const spans = node.templateSpans.map(({ expression, literal }) => placeholder(expression) + literal.text);
    return [node.head.text + spans.join("")];
  }
  if (ts.isBinaryExpression(node)) {
    const { kind } = node.operatorToken;
    const [left, right] = [literals(node.left), literals(node.right)];
    if (kind === ts.SyntaxKind.PlusToken && (left !== undefined || right !== undefined))
      return [(left?.[0] ?? placeholder(node.left)) + (right?.[0] ?? placeholder(node.right))];
    if (kind === ts.SyntaxKind.QuestionQuestionToken) return right;
  }
  return undefined;
}

/** `{name}` for a variable, `{…}` for anything longer, the text of what is text. */
function placeholder(node: ts.Expression): string {
  const found = literals(node);
  if (found?.length === 1) return found[0]!;
  const name = ts.isPropertyAccessExpression(node) ? node.name.text : ts.isIdentifier(node) ? node.text : "…";
  return `{${name}}`;
}

/** One way through functions to an error, with what its parts are on it. */
interface Way {
  readonly values: readonly (readonly string[] | undefined)[];
  /** Where the first of the parts is told. */
  readonly at: ts.Node;
}

/** Who calls which function, by names: within a file, or where the name is imported. */
class Calls {
  readonly #calls = new Map<string, ts.CallExpression[]>();
  readonly #imports = new Map<ts.SourceFile, ReadonlySet<string>>();

  constructor(files: readonly ts.SourceFile[]) {
    for (const file of files) {
      const imported = new Set<string>();
      const visit = (node: ts.Node): void => {
        if (ts.isImportSpecifier(node)) imported.add(node.name.text);
        if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
          const name = node.expression.text;
          this.#calls.set(name, [...(this.#calls.get(name) ?? []), node]);
        }
        ts.forEachChild(node, visit);
      };
      visit(file);
      this.#imports.set(file, imported);
    }
  }

  /** What expressions at a node may be, for each way on which its function is called with them. */
  waysTo(node: ts.Node, expressions: readonly (ts.Expression | undefined)[], deep = 0): readonly Way[] {
    const values = expressions.map((each) => each && textsOf(each));
    const around = functionAround(node);
    const open = expressions.map((each, i) =>
      values[i] === undefined && each !== undefined && around !== undefined
        ? parameterOf(each, around)
        : undefined,
    );
    const templates = expressions.map((each) =>
      each !== undefined && around !== undefined && ts.isTemplateExpression(each)
        ? each.templateSpans.map(({ expression }) => parameterOf(expression, around))
        : [],
    );
    const ofCode = templates[0]!.some((each) => each !== undefined);
    if ((open.every((each) => each === undefined) && !ofCode) || deep > 3) return [{ values, at: node }];
    return this.#callsOf(around!).flatMap((call) => {
      const passed = expressions.map((each, i) => (open[i] === undefined ? each : argument(call, open[i])));
      return this.waysTo(
        call,
        passed.map((each, i) => (values[i] === undefined ? each : undefined)),
        deep + 1,
      ).map((way) => ({
        at: way.at,
        values: values.map((own, i) =>
          i === 0 && ofCode
            ? filled(expressions[0] as ts.TemplateExpression, templates[0]!, call)
            : (own ?? way.values[i]),
        ),
      }));
    });
  }

  #callsOf(around: ts.FunctionLikeDeclaration): readonly ts.CallExpression[] {
    const name = nameOf(around);
    const file = around.getSourceFile();
    return (this.#calls.get(name ?? "") ?? []).filter(
      (call) => call.getSourceFile() === file || this.#imports.get(call.getSourceFile())!.has(name!),
    );
  }
}

/** What an expression may be: where it is a constant of the function or file, what that is. */
function textsOf(node: ts.Expression): readonly string[] | undefined {
  const own = literals(node);
  if (own !== undefined || !ts.isIdentifier(node)) return own;
  const declared = declarationOf(node);
  return declared !== undefined && ts.isVariableDeclaration(declared) && declared.initializer !== undefined
    ? literals(declared.initializer)
    : undefined;
}

/** The variable, parameter or part of one that a name means, looked for from within outwards. */
function declarationOf(name: ts.Identifier): ts.Node | undefined {
  for (let scope: ts.Node | undefined = name.parent; scope !== undefined; scope = scope.parent) {
    let found: ts.Node | undefined;
    const look = (node: ts.Node): void => {
      const isDeclared =
        (ts.isVariableDeclaration(node) || ts.isParameter(node) || ts.isBindingElement(node)) &&
        ts.isIdentifier(node.name) &&
        node.name.text === name.text;
      if (isDeclared) found ??= node;
      if (node === scope || !ts.isFunctionLike(node)) ts.forEachChild(node, look);
    };
    if (ts.isBlock(scope) || ts.isSourceFile(scope) || ts.isFunctionLike(scope)) look(scope);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Which argument of a function an expression is: its place, and the property where it is taken apart. */
interface Parameter {
  readonly index: number;
  readonly property: string | undefined;
}

function parameterOf(node: ts.Expression, around: ts.FunctionLikeDeclaration): Parameter | undefined {
  const [name, ofObject] =
    ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)
      ? [node.expression.text, node.name.text]
      : ts.isIdentifier(node)
        ? [node.text, undefined]
        : ts.isBinaryExpression(node) && ts.isIdentifier(node.left)
          ? [node.left.text, undefined]
          : [];
  for (const [index, parameter] of around.parameters.entries()) {
    if (ts.isIdentifier(parameter.name)) {
      if (parameter.name.text === name) return { index, property: ofObject };
    } else if (ts.isObjectBindingPattern(parameter.name) && ofObject === undefined) {
      const element = parameter.name.elements.find((each) => each.name.getText() === name);
      if (element !== undefined) return { index, property: (element.propertyName ?? element.name).getText() };
    }
  }
  return undefined;
}

function argument(call: ts.CallExpression, { index, property }: Parameter): ts.Expression | undefined {
  const given = call.arguments[index];
  if (property === undefined || given === undefined) return given;
  if (ts.isObjectLiteralExpression(given)) return valueOf(given, property);
  const declared = ts.isIdentifier(given) ? declarationOf(given) : undefined;
  const value =
    declared !== undefined && ts.isVariableDeclaration(declared) ? declared.initializer : undefined;
  return value !== undefined && ts.isObjectLiteralExpression(value) ? valueOf(value, property) : undefined;
}

/** A template whose parameters are what a call passes. */
function filled(
  template: ts.TemplateExpression,
  parameters: readonly (Parameter | undefined)[],
  call: ts.CallExpression,
): readonly string[] {
  return template.templateSpans.reduce<readonly string[]>(
    (starts, { expression, literal }, i) => {
      const parameter = parameters[i];
      const passed = parameter === undefined ? undefined : argument(call, parameter);
      const texts = (passed && textsOf(passed)) ?? [placeholder(expression)];
      return starts.flatMap((start) => texts.map((text) => start + text + literal.text));
    },
    [template.head.text],
  );
}

function functionAround(node: ts.Node): ts.FunctionLikeDeclaration | undefined {
  for (let at: ts.Node | undefined = node.parent; at !== undefined; at = at.parent) {
    // What is handed to another function belongs to the function around.
    if (ts.isFunctionLike(at) && nameOf(at as ts.FunctionLikeDeclaration) !== undefined)
      return at as ts.FunctionLikeDeclaration;
  }
  return undefined;
}

function nameOf(node: ts.FunctionLikeDeclaration): string | undefined {
  if (node.name !== undefined) return node.name.getText();
  return ts.isVariableDeclaration(node.parent) ? node.parent.name.getText() : undefined;
}

function nameOfVariableAround(node: ts.Node): string | undefined {
  for (let at: ts.Node | undefined = node.parent; at !== undefined; at = at.parent) {
    if (ts.isVariableDeclaration(at)) return at.name.getText();
  }
  return undefined;
}

function nameAround(node: ts.Node): string | undefined {
  const around = functionAround(node);
  return around === undefined ? undefined : nameOf(around);
}
