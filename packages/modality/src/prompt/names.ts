import { CorellaError, nearestName } from "@corella/errors";
import { Template } from "@huggingface/jinja";
import type { PromptConfig } from "./config.ts";
import { isNode, type Node, roundVariable, statisticsVariable } from "./rewrite.ts";
import { statisticNames } from "./statistics.ts";

/** What the main template of a prompt knows. */
const promptNames: readonly string[] =
  "user_history target_item liked disliked history target user user_id context crm_percent rating_scale".split(
    " ",
  );
const jinjaNames = [
  "loop",
  "range",
  "namespace",
  "true",
  "false",
  "none",
  "True",
  "False",
  "None",
  "strftime_now",
  "caller",
  statisticsVariable,
  roundVariable,
];

/** Jinja renders an unknown name as nothing: a misspelt `user_history` would silently cost the history. */
export function checkNames(template: Template): void {
  const { said, asked, declared } = collectNames(template);
  for (const name of new Set([...said, ...asked].map(rootOf))) {
    if (promptNames.includes(name) || declared.has(name)) continue;
    const near = nearestName(name, promptNames);
    const ofItem = `The template knows item.${statisticNames.join(", item.")}; attributes are those of target.`;
    throw new CorellaError({
      code: "prompt/unknown-name",
      message: `The template uses "${name}", which it does not know.`,
      place: "prompt.template",
      remedy:
        name === "item"
          ? ofItem
          : near === undefined
            ? `It knows ${promptNames.join(", ")}, and statistics such as item.mean.`
            : `Did you mean "${near}"?`,
    });
  }
}

/** What the templates of an item know beside its attributes; `item` and `user` have running statistics there. */
const itemNames = {
  historyItem: ["id", "title", "rating", "liked", "rating_scale", "item", "user"],
  listItem: ["id", "title", "rating", "liked", "rating_scale"],
  target: ["id", "title", "context", "item"],
} as const;

/** What the main template knows of the user and of the target beside their attributes. */
const memberNames = { user: statisticNames, target: ["id", "title"] } as const;

/** A name of a template that neither it nor any attribute knows. */
export interface UnknownName {
  /** As the template says it, such as `user.gendr`. */
  readonly name: string;
  readonly key: "template" | keyof typeof itemNames;
  readonly table: "items" | "users";
  /** The nearest name that is known. */
  readonly near: string | undefined;
}

/**
 * The names that the templates of a prompt say of items and users and that are no attributes of theirs: they are rendered as nothing.
 * What a template asks for, as `{% if plot %}` and `plot | default("")` do, may be absent.
 * @param attributes names of attributes
 */
export function unknownNames(
  prompt: Pick<PromptConfig, UnknownName["key"]>,
  attributes: Readonly<Record<UnknownName["table"], ReadonlySet<string>>>,
): UnknownName[] {
  const ofItems = (Object.keys(itemNames) as (keyof typeof itemNames)[]).flatMap((key): UnknownName[] => {
    const { said, asked, declared } = collectNames(new Template(prompt[key]));
    const known = new Set([...itemNames[key], ...attributes.items]);
    const mayLack = new Set([...asked].map(rootOf));
    const maySay = (name: string): boolean => known.has(name) || declared.has(name) || mayLack.has(name);
    return [...new Set([...said].map(rootOf))]
      .filter((name) => !maySay(name))
      .map((name) => ({ name, key, table: "items", near: nearestName(name, known) }));
  });
  const { said, asked, declared } = collectNames(new Template(prompt.template));
  const ofTemplate = [...said].flatMap((name): UnknownName[] => {
    const [of, member] = name.split(".") as [keyof typeof memberNames, string?];
    if (member === undefined || !Object.hasOwn(memberNames, of) || declared.has(of) || asked.has(name))
      return [];
    const table = of === "user" ? "users" : "items";
    const known = new Set([...memberNames[of], ...attributes[table]]);
    const isAskedWhole = asked.has(of) && attributes[table].size === 0; // {% if user %} where nothing is known of any
    if (known.has(member) || isAskedWhole) return [];
    const near = nearestName(member, known);
    return [{ name, key: "template", table, near: near && `${of}.${near}` }];
  });
  return [...ofItems, ...ofTemplate];
}

/** Names that a template says, such as `title` and `user.gender`. */
interface Names {
  readonly said: Set<string>;
  /** In conditions, or with another value in their place. */
  readonly asked: Set<string>;
  /** By `for`, `set` and `macro`, and what is built in. */
  readonly declared: Set<string>;
}

const rootOf = (name: string): string => name.split(".")[0]!;

function collectNames(template: Template): Names {
  const names: Names = { said: new Set(), asked: new Set(), declared: new Set(jinjaNames) };
  visit(template.parsed as unknown as Node, names, false);
  return names;
}

/** @param asks whether the node stands where its names may be absent */
function visit(node: Node, names: Names, asks: boolean): void {
  const said = asks ? names.asked : names.said;
  const name = nameOf(node);
  if (name !== undefined) {
    said.add(name);
    return;
  }
  for (const [part, child] of Object.entries(node)) {
    const isName =
      (node.type === "MemberExpression" && part === "property" && node.computed !== true) ||
      (node.type === "KeywordArgumentExpression" && part === "key") ||
      part === "filter" ||
      part === "operator" || // `not` is a name to the parser
      (part === "test" && node.type === "TestExpression");
    if (isName) continue;
    const declares =
      (node.type === "For" && part === "loopvar") ||
      (node.type === "Set" && part === "assignee") ||
      (node.type === "Macro" && (part === "name" || part === "args"));
    for (const inner of Array.isArray(child) ? child : [child]) {
      if (!isNode(inner)) continue;
      if (declares) declare(inner, names);
      else if (part === "callee" && inner.type === "MemberExpression")
        visit(inner["object"] as Node, names, asks); // a method, as user.items()
      else visit(inner, names, asks || isAsked(node, part));
    }
  }
}

/** `title`, `user.gender`, `user["gender"]` */
function nameOf(node: Node): string | undefined {
  if (node.type === "Identifier") return String(node["value"]);
  if (node.type !== "MemberExpression") return undefined;
  const [object, property] = [node["object"] as Node, node["property"] as Node];
  const isPlain = property.type === (node["computed"] === true ? "StringLiteral" : "Identifier");
  return object.type === "Identifier" && isPlain ? `${object["value"]}.${property["value"]}` : undefined;
}

function declare(node: Node, { declared }: Names): void {
  const names: Names = { said: declared, asked: declared, declared };
  visit(node, names, false);
}

function isAsked(node: Node, part: string): boolean {
  if (node.type === "FilterExpression") {
    const filter = node["filter"] as Node;
    const called = filter.type === "CallExpression" ? (filter["callee"] as Node) : filter;
    return part === "operand" && called["value"] === "default";
  }
  if (node.type === "BinaryExpression")
    return part === "left" && ["and", "or"].includes((node["operator"] as { value: string }).value);
  return (
    ((node.type === "If" || node.type === "SelectExpression") && part === "test") ||
    (node.type === "Ternary" && part === "condition") ||
    (node.type === "TestExpression" && part === "operand")
  );
}
