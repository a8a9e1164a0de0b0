import type { AttributeReport, AttributeValue, InteractionLog } from "./log.ts";

/** What an attribute of users or items has to say about the rows of a log. */
export interface AttributeCoverage {
  readonly table: "items" | "users";
  readonly name: string;
  readonly type: AttributeReport["type"];
  /** Rows of the log whose user or item has a value. */
  readonly rows: number;
  /** Of those, the rows whose value is a number, or text that is one. */
  readonly numbers: number;
  /** Different values among the users or items of the log; of lists, different elements. */
  readonly distinct: number;
}

/** The attributes of users and items, those included that the mapping names and that came out empty. */
export function attributeCoverage(log: InteractionLog): AttributeCoverage[] {
  return (["users", "items"] as const).flatMap((table) => {
    const rowsOf = new Uint32Array(log[table].ids.length);
    for (const code of table === "users" ? log.user : log.item) rowsOf[code]!++;
    const found = new Map<
      string,
      { type: AttributeReport["type"]; rows: number; numbers: number; values: Set<string> }
    >();
    for (const { table: of, name, type } of log.report.attributes)
      if (of === table) found.set(name, { type, rows: 0, numbers: 0, values: new Set() });
    for (let code = 0; code < log[table].activeCount; code++) {
      for (const [name, value] of Object.entries(log[table].attributes[code]!)) {
        let of = found.get(name);
        if (of === undefined)
          found.set(name, (of = { type: typeOf(value), rows: 0, numbers: 0, values: new Set() }));
        of.rows += rowsOf[code]!;
        if (isNumber(value)) of.numbers += rowsOf[code]!;
        for (const text of typeof value === "object" ? value : [String(value)]) of.values.add(text);
      }
    }
    return [...found].map(([name, { values, ...of }]) => ({ table, name, ...of, distinct: values.size }));
  });
}

function typeOf(value: AttributeValue): AttributeReport["type"] {
  return typeof value === "string" ? "text" : typeof value === "number" ? "number" : "list";
}

function isNumber(value: AttributeValue): boolean {
  if (typeof value === "object") return value.every(isNumber);
  return typeof value === "number" || (value.trim() !== "" && Number.isFinite(Number(value)));
}
