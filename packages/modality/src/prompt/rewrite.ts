import type { Template } from "@huggingface/jinja";
import { statisticNames, type StatisticSide } from "./statistics.ts";
import { targetEnd, targetStart } from "./text.ts";

/** A node of a parsed template. */
export interface Node {
  type: string;
  [part: string]: unknown;
}

// Names that no template can spell, so that nothing of its own is hidden.
/** Holds the running statistics in a template's context. */
export const statisticsVariable = " statistics";
/** The function that stands for Jinja's filter `round`. */
export const roundVariable = " round";

/** The CRM's answer to the sample, as templates name it. */
export const crmVariable = "crm_percent";

const identifier = (value: string): Node => ({ type: "Identifier", value });

/**
 * Makes of a parsed template one that the interpreter can render, in place:
 *
 * - `item.mean`, `user.count` and the like are read from the running statistics, unless the template has a variable of its
 *   own called `item` or `user` there. `user.items()` still has the attributes alone.
 * - The filter `round`, which the interpreter lacks, is a call.
 * - What says the target, a statistic of the item, the context of the sample, or what the CRM says of it, is marked as part of the target, unless `events`
 *   says that the template is of an event.
 *
 * @param sides whose statistics the template knows
 * @returns the statistics it uses, such as `item.mean`
 */
export function rewriteTemplate(
  template: Template,
  sides: readonly StatisticSide[],
  { events = false }: { readonly events?: boolean } = {},
): ReadonlySet<string> {
  const program = template.parsed as unknown as { body: Node[] };
  const used = new Set<string>();
  const reassigned = new Set<string>();
  visitAll(program.body, (node) => {
    if (node.type === "Set") for (const name of namesIn(node["assignee"])) reassigned.add(name);
  });
  const own = new Set<string>(sides.filter((side) => !reassigned.has(side)));
  let untilTheEnd = false;
  program.body = program.body.flatMap((node) => {
    const found = new Set<string>();
    const saysSample = contextNames([node]) !== undefined || saysCrm([node]) || saysTarget([node]);
    const rewritten = rewrite(node, own, found);
    for (const name of found) used.add(name);
    if (events) return [rewritten];
    const ofItem = saysSample || [...found].some((name) => name.startsWith("item."));
    untilTheEnd ||= ofItem && ["Set", "Macro"].includes(node.type); // said where its name is
    return ofItem || untilTheEnd ? [text(targetStart), rewritten, text(targetEnd)] : [rewritten];
  });
  return used;
}

/** Whether nodes say what the CRM says of the sample. */
export function saysCrm(nodes: readonly unknown[]): boolean {
  let says = false;
  visitAll(nodes, (node) => {
    if (node.type === "Identifier" && node["value"] === crmVariable) says = true;
  });
  return says;
}

/** Whether nodes say the target. Its values have no marks of their own: a comparison with them would see these. */
function saysTarget(nodes: readonly unknown[]): boolean {
  let says = false;
  visitAll(nodes, (node) => {
    if (node.type === "Identifier" && (node["value"] === "target" || node["value"] === "target_item"))
      says = true;
  });
  return says;
}

/** The columns of the context that nodes say, as `context.device`; undefined where they do not say `context` at all. */
export function contextNames(nodes: readonly unknown[]): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  let says = false;
  visitAll(nodes, (node) => {
    if (node.type === "Identifier" && node["value"] === "context") says = true;
    if (node.type !== "MemberExpression") return;
    const [object, property] = [node["object"] as Node, node["property"] as Node];
    if (object.type !== "Identifier" || object["value"] !== "context") return;
    if (property.type === (node["computed"] === true ? "StringLiteral" : "Identifier"))
      names.add(String(property["value"]));
  });
  return says ? names : undefined;
}

const text = (value: string): Node => ({ type: "StringLiteral", value });

/** @param own sides that no variable of the template hides here */
function rewrite(node: Node, own: ReadonlySet<string>, found: Set<string>): Node {
  const inner = hidden(node, own);
  for (const [part, child] of Object.entries(node)) {
    // The list of a loop is not yet in the loop, but its condition is.
    const scope = part === "iterable" && (child as Node).type !== "SelectExpression" ? own : inner;
    if (Array.isArray(child))
      node[part] = child.map((one: unknown) => (isNode(one) ? rewrite(one, scope, found) : one));
    else if (isNode(child)) node[part] = rewrite(child, scope, found);
  }
  const side = statisticSide(node, own);
  if (side !== undefined) {
    found.add(`${side}.${(node["property"] as Node)["value"] as string}`);
    const ofSide = { type: "MemberExpression", object: identifier(statisticsVariable), computed: false };
    return { ...node, object: { ...ofSide, property: identifier(side) } };
  }
  return node.type === "FilterExpression" ? rounded(node) : node;
}

function hidden(node: Node, own: ReadonlySet<string>): ReadonlySet<string> {
  const declared =
    node.type === "For" ? namesIn(node["loopvar"]) : node.type === "Macro" ? namesIn(node["args"]) : [];
  return declared.length === 0 ? own : new Set([...own].filter((side) => !declared.includes(side)));
}

function statisticSide(node: Node, own: ReadonlySet<string>): string | undefined {
  if (node.type !== "MemberExpression" || node["computed"] === true) return undefined;
  const [object, property] = [node["object"] as Node, node["property"] as Node];
  if (object.type !== "Identifier" || property.type !== "Identifier") return undefined;
  const side = String(object["value"]);
  return own.has(side) && statisticNames.includes(String(property["value"])) ? side : undefined;
}

/** `x | round(1)` is a float, as in Jinja; what is no number, such as a mean of nothing, stays as it is. */
function rounded(node: Node): Node {
  const filter = node["filter"] as Node;
  const [name, args] =
    filter.type === "CallExpression" ? [filter["callee"] as Node, filter["args"]] : [filter, []];
  if (name["value"] !== "round") return node;
  const operand = node["operand"];
  const call = {
    type: "CallExpression",
    callee: identifier(roundVariable),
    args: [operand, ...positional(args as Node[])],
  };
  return {
    type: "Ternary",
    condition: { type: "TestExpression", operand, negate: false, test: identifier("number") },
    trueExpr: { type: "FilterExpression", operand: call, filter: identifier("float") },
    falseExpr: operand,
  };
}

/** The arguments of `round` in their places: precision, method. */
function positional(args: readonly Node[]): Node[] {
  const placed: Node[] = [
    { type: "IntegerLiteral", value: 0 },
    { type: "StringLiteral", value: "common" },
  ];
  for (const [i, arg] of args.entries()) {
    const at =
      arg.type === "KeywordArgumentExpression"
        ? ["precision", "method"].indexOf(String((arg["key"] as Node)["value"]))
        : i;
    if (at < 0 || at > 1) throw new SyntaxError("round knows precision and method");
    placed[at] = arg.type === "KeywordArgumentExpression" ? (arg["value"] as Node) : arg;
  }
  return placed;
}

/** Rounds to decimals: `common` with ties away from zero, `ceil` or `floor`. */
export function roundTo(x: number, decimals = 0, method = "common"): number {
  if (!["common", "ceil", "floor"].includes(method)) throw new Error(`round knows no method "${method}"`);
  if (method === "common" && decimals >= 0) return Number(x.toFixed(decimals));
  // As a decimal of 15 digits, for 0.1 + 0.2 is not above 0.3.
  const shifted = Number((x * 10 ** decimals).toPrecision(15));
  const whole =
    method === "ceil"
      ? Math.ceil(shifted)
      : method === "floor"
        ? Math.floor(shifted)
        : Math.sign(shifted) * Math.round(Math.abs(shifted));
  return Number((whole / 10 ** decimals).toPrecision(15));
}

function namesIn(declaration: unknown): string[] {
  if (Array.isArray(declaration)) return declaration.flatMap(namesIn);
  if (!isNode(declaration)) return [];
  if (declaration.type === "Identifier") return [String(declaration["value"])];
  if (declaration.type === "KeywordArgumentExpression") return namesIn(declaration["key"]);
  return declaration.type === "TupleLiteral" ? namesIn(declaration["value"]) : [];
}

function visitAll(nodes: readonly unknown[], look: (node: Node) => void): void {
  for (const node of nodes) {
    if (Array.isArray(node)) visitAll(node, look);
    if (!isNode(node)) continue;
    look(node);
    visitAll(Object.values(node), look);
  }
}

/** Whether a part of a node is a node itself. */
export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value;
}
