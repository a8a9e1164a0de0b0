import type { AttributeColumn } from "./config.ts";
import { identifier, literal } from "./database.ts";
import type { ColumnPlan } from "./import-table.ts";

/** How an attribute or a column of context is read: numbers as numbers, and what says so as no value. */
export function attributePlan(name: string, column: AttributeColumn): ColumnPlan {
  const { column: reference, type, missing, key } = typeof column === "object" ? column : { column };
  const cell = missing === undefined ? identifier(name) : `nullif(${identifier(name)}, ${literal(missing)})`;
  return {
    reference,
    ...(missing !== undefined && { value: cell }),
    ...(type === "number" &&
      key === undefined && {
        value: `CASE WHEN trim(${cell}) <> '' THEN coalesce(to_number(${cell}), 'NaN'::DOUBLE) END`,
        isBad: "isnan(value)",
        complaint: `the ${name} is not a number`,
        mayLack: true,
      }),
  };
}
