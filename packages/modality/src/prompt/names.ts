import { CorellaError, nearestName } from "@corella/errors";
import type { Template } from "@huggingface/jinja";

/** What the main template of a prompt knows. */
const promptNames: readonly string[] =
  "user_history target_item liked disliked history target user rating_scale".split(" ");
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
];

interface Node {
  type: string;
  [part: string]: unknown;
}

/** Jinja renders an unknown name as nothing: a misspelt `user_history` would silently cost the history. */
export function checkNames(template: Template): void {
  const used = new Set<string>();
  const declared = new Set(jinjaNames);
  visit(template.parsed as unknown as Node, used, declared);
  for (const name of used) {
    if (promptNames.includes(name) || declared.has(name)) continue;
    const near = nearestName(name, promptNames);
    throw new CorellaError({
      code: "prompt/unknown-name",
      message: `The template uses "${name}", which it does not know.`,
      place: "prompt.template",
      remedy: near === undefined ? `It knows ${promptNames.join(", ")}.` : `Did you mean "${near}"?`,
    });
  }
}

/** Collects the names that are read and those that `for`, `set` and `macro` declare. */
function visit(node: Node, used: Set<string>, declared: Set<string>): void {
  if (node.type === "Identifier") {
    used.add(String(node.value));
    return;
  }
  for (const [part, child] of Object.entries(node)) {
    const isName =
      (node.type === "MemberExpression" && part === "property" && node.computed !== true) ||
      (node.type === "KeywordArgumentExpression" && part === "key") ||
      part === "filter" ||
      part === "operator" || // `not` is a name to the parser
      (part === "test" && node.type === "TestExpression");
    const declares =
      (node.type === "For" && part === "loopvar") ||
      (node.type === "Set" && part === "assignee") ||
      (node.type === "Macro" && (part === "name" || part === "args"));
    const target = isName ? new Set<string>() : declares ? declared : used;
    for (const inner of Array.isArray(child) ? child : [child])
      if (isNode(inner)) visit(inner, target, declared);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value;
}
