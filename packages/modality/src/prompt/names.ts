import { CorellaError, nearestName } from "@corella/errors";
import type { Template } from "@huggingface/jinja";
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
  statisticsVariable,
  roundVariable,
];

/** Jinja renders an unknown name as nothing: a misspelt `user_history` would silently cost the history. */
export function checkNames(template: Template): void {
  const used = new Set<string>();
  const declared = new Set(jinjaNames);
  visit(template.parsed as unknown as Node, used, declared);
  for (const name of used) {
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
