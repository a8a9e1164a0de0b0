import { CorellaError } from "@corella/errors";
import type { ColumnReference } from "./config.ts";
import { identifier, literal } from "./database.ts";

/** The column of lines of JSON, and that of the elements of a list in them, by names that no field has. */
export const lineColumn: string = identifier("?line");
/** The column of the elements of a list. */
export const elementColumn: string = identifier("?element");

/** Where the wanted fields of lines of JSON stand. */
export interface JsonFields {
  /** SQL of each field by key, from `lineColumn` and, with a list, `elementColumn`. */
  readonly sql: Readonly<Record<string, string>>;
  /** SQL, as JSON, of the list whose elements are rows, from `lineColumn`; undefined where each line is one. */
  readonly list: string | undefined;
}

/**
 * The fields of lines of JSON: by their very name, or else by a path such as `user.ids[0]`. Behind `reviews[]` each element of that
 * list is a row, with the fields of its line beside it: `reviews[].item_id`.
 * @throws CorellaError `data/unknown-column` for positions, `config/invalid` for elements of several lists
 */
export function jsonFields(table: string, wanted: Readonly<Record<string, ColumnReference>>): JsonFields {
  let list: string | undefined;
  const sql: Record<string, string> = {};
  for (const [key, column] of Object.entries(wanted)) {
    const place = `data.source.${table}.columns.${key}`;
    if (typeof column === "number") {
      throw new CorellaError({
        code: "data/unknown-column",
        message: "Columns of JSON lines have names, not positions.",
        place,
        remedy: "Give the name of the field.",
      });
    }
    const end = column.indexOf("[]");
    if (end < 0) {
      sql[key] = field(lineColumn, column);
      continue;
    }
    const name = column.slice(0, end);
    const inner = column.slice(end + 2).replace(/^\./, "");
    if (inner.includes("[]") || (list !== undefined && list !== name)) {
      throw new CorellaError({
        code: "config/invalid",
        message: `The elements of one list are rows, not those of ${list ?? name}[] and ${column} as well.`,
        place,
        remedy: "Write [] behind one list alone; an attribute of type list needs none.",
      });
    }
    list = name;
    sql[key] = inner === "" ? extract("json_extract_string", elementColumn, "") : field(elementColumn, inner);
  }
  return { sql, list: list === undefined ? undefined : extract("json_extract", lineColumn, pathOf(list)) };
}

function field(from: string, name: string): string {
  const plain = extract("json_extract_string", from, step(name));
  return /[.[]/.test(name)
    ? `coalesce(${plain}, ${extract("json_extract_string", from, pathOf(name))})`
    : plain;
}

function extract(by: string, from: string, path: string): string {
  return `${by}(${from}, ${literal(`$${path}`)})`;
}

function step(name: string): string {
  return `."${name.replaceAll('"', '\\"')}"`;
}

function pathOf(name: string): string {
  const steps = name.split(".").map((part) => {
    const [, key, indices] = /^(.*?)((?:\[\d+\])*)$/.exec(part)!;
    return `${key === "" ? "" : step(key!)}${indices}`;
  });
  return steps.join("");
}
