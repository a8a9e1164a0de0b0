import { CorellaError } from "@corella/errors";
import type { ColumnReference } from "./config.ts";
import { identifier, literal } from "./database.ts";
import { parseNumber } from "./number.ts";

/** Conditions on the rows of a table as SQL. */
export interface Conditions {
  /** True for rows that are kept; undefined where there is no condition. */
  readonly sql: string | undefined;
  /** Columns of the file that the conditions name beside those of the mapping, by the key under which they are selected. */
  readonly wanted: Readonly<Record<string, ColumnReference>>;
}

const condition = /^\s*(?:"([^"]+)"|([^\s<>=!"]+))\s*(>=|<=|!=|<>|==|=|<|>)\s*(.*?)\s*$/;

/**
 * Conditions such as `rating > 0`, `event = purchase` or `"Book-Rating" != ""`. A number is compared with the cell as a number,
 * any other text with its text; a cell without a value fulfils `!=` alone.
 * @param columns those of the mapping, whose keys come before names of the file
 * @throws CorellaError `config/invalid`
 */
export function parseConditions(
  table: string,
  where: readonly string[],
  columns: Readonly<Record<string, { reference: ColumnReference | undefined }>>,
): Conditions {
  const wanted: Record<string, ColumnReference> = {};
  const all = where.map((text) => {
    const match = condition.exec(text);
    if (match === null) {
      throw new CorellaError({
        code: "config/invalid",
        message: `"${text}" is not a condition.`,
        place: `data.source.${table}.where`,
        remedy: "Write a column, one of = != < <= > >= and a value: rating > 0, event = purchase.",
      });
    }
    const name = match[1] ?? match[2]!;
    const key = Object.hasOwn(columns, name) ? name : `where ${name}`;
    if (key !== name) wanted[key] = name;
    return comparison(identifier(key), match[3]!, unquoted(match[4]!));
  });
  return { sql: all.length === 0 ? undefined : all.join(" AND "), wanted };
}

function unquoted(text: string): string {
  return /^(["']).*\1$/.test(text) && text.length > 1 ? text.slice(1, -1) : text;
}

function comparison(cell: string, written: string, value: string): string {
  const operator = written === "==" ? "=" : written === "<>" ? "!=" : written;
  const text = `trim(coalesce(${cell}, ''))`;
  if (value === "") return `(${text} ${operator} '')`;
  const wanted = parseNumber(value);
  if (wanted === undefined)
    return `(${text} <> '' AND ${text} ${operator} ${literal(value)} OR ${text} = '' AND ${operator === "!="})`;
  const number = `to_number(${cell}) ${operator} ${wanted}`;
  return `coalesce(${number}, ${operator === "!="})`;
}
