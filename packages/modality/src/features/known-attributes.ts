import { CorellaError, nearestName } from "@corella/errors";
import type { Attributes, InteractionLog } from "../log.ts";

/**
 * Whether an attribute of the users or items of a log, or a column of its context, is a list.
 * @param place where the attribute is named, for the error
 * @throws CorellaError `features/unknown-attribute` where no user or item has it, `features/bad-field` for no column
 */
export function attributeKind(
  log: InteractionLog,
  source: "user" | "item" | "context",
  attribute: string,
  place: string,
): "list" | "scalar" {
  if (source === "context") return contextKind(log, attribute, place);
  const [table, of] = source === "user" ? [log.users, "users"] : [log.items, "items"];
  const known = attributeKinds(table.attributes);
  const kind = known.get(attribute);
  if (kind !== undefined) return kind;
  const near = nearestName(attribute, known.keys());
  throw new CorellaError({
    code: "features/unknown-attribute",
    message: `The ${of} have no attribute "${attribute}".`,
    place,
    remedy:
      near === undefined
        ? `Known: ${[...known.keys()].join(", ") || "none; add source." + of}.`
        : `Did you mean "${near}"?`,
  });
}

function contextKind({ context = [] }: InteractionLog, name: string, place: string): "list" | "scalar" {
  const column = context.find((known) => known.name === name);
  if (column !== undefined) return column.values.some(Array.isArray) ? "list" : "scalar";
  const names = context.map((known) => known.name);
  const near = nearestName(name, [...names, "user", "item"]);
  throw new CorellaError({
    code: "features/bad-field",
    message: `The ratings have no column "${name}" as context.`,
    place,
    remedy:
      near === undefined
        ? `Name the column in data.source.ratings.columns; known are user, item${names.map((each) => `, ${each}`).join("")}, their attributes, history and time.`
        : `Did you mean "${near}"?`,
  });
}

function attributeKinds(rows: readonly Attributes[]): Map<string, "list" | "scalar"> {
  const kinds = new Map<string, "list" | "scalar">();
  for (const row of rows) {
    for (const name in row)
      if (!kinds.has(name)) kinds.set(name, Array.isArray(row[name]) ? "list" : "scalar");
  }
  return kinds;
}
