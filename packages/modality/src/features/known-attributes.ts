import { CorellaError, nearestName } from "@corella/errors";
import type { Attributes, InteractionLog } from "../log.ts";

/**
 * Whether an attribute of the users or items of a log is a list.
 * @param place where the attribute is named, for the error
 * @throws CorellaError `features/unknown-attribute` where no user or item has it
 */
export function attributeKind(
  log: InteractionLog,
  source: "user" | "item",
  attribute: string,
  place: string,
): "list" | "scalar" {
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

function attributeKinds(rows: readonly Attributes[]): Map<string, "list" | "scalar"> {
  const kinds = new Map<string, "list" | "scalar">();
  for (const row of rows) {
    for (const name in row)
      if (!kinds.has(name)) kinds.set(name, Array.isArray(row[name]) ? "list" : "scalar");
  }
  return kinds;
}
