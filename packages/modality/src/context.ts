import type { Attributes, AttributeValue } from "./attribute-values.ts";
import type { RowColumns } from "./sort-rows.ts";

/** What may have context: a log, or the columns of one. */
interface WithContext {
  readonly context?: readonly ContextColumn[] | undefined;
}

/** The rows of a log by user and item, and what these are. */
interface RowsOfEntities extends WithContext {
  readonly size: number;
  readonly user: Int32Array;
  readonly item: Int32Array;
  readonly users: Omit<CodedRows, "codes">;
  readonly items: Omit<CodedRows, "codes">;
}

/**
 * A column of the interactions themselves beside user, item, rating, label and time: the device, the price, the position. A
 * value is kept once, and each row has its code.
 */
export interface ContextColumn {
  readonly name: string;
  /** [rows]; 0 where a row has no value. */
  readonly codes: Int32Array;
  /** By code, ascending; the first is that of rows without one. */
  readonly values: readonly (AttributeValue | undefined)[];
}

/** Makes a column of the values of rows, whose codes follow the order of the values and not that of the rows. */
export function contextColumn(
  name: string,
  found: readonly AttributeValue[],
  met: Int32Array,
): ContextColumn {
  const order = Array.from(found.keys()).sort((a, b) => compareValues(found[a]!, found[b]!));
  const codeOf = new Int32Array(found.length + 1);
  for (const [position, code] of order.entries()) codeOf[code + 1] = position + 1;
  return {
    name,
    codes: met.map((code) => codeOf[code]!),
    values: [undefined, ...order.map((code) => found[code]!)],
  };
}

function compareValues(a: AttributeValue, b: AttributeValue): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The context of a row of a log by name; undefined where its log has no such columns. */
export function contextAt({ context }: WithContext, row: number): Attributes | undefined {
  if (context === undefined) return undefined;
  const values: Record<string, AttributeValue> = {};
  for (const { name, codes, values: known } of context) {
    const value = known[codes[row]!];
    if (value !== undefined) values[name] = value;
  }
  return values;
}

/** The most frequent value of each context column of a log, by name; undefined where it has none. */
export function usualContext({ context }: WithContext): Attributes | undefined {
  if (context === undefined) return undefined;
  const usual: Record<string, AttributeValue> = {};
  for (const { name, codes, values } of context) {
    const counts = new Uint32Array(values.length);
    for (const code of codes) counts[code]! += 1;
    let most = 1;
    for (let code = 2; code < counts.length; code++) if (counts[code]! > counts[most]!) most = code;
    if (values.length > 1) usual[name] = values[most]!;
  }
  return usual;
}

/** Codes by row, and ids and attributes by code, of what a field or key speaks of: users, items, or a column of the context. */
export interface CodedRows {
  readonly codes: Int32Array;
  readonly ids: readonly string[];
  readonly attributes: readonly Attributes[];
}

/** The rows of a log by user, by item, or by the value of a context column; of one it has not, nobody has a value. */
export function codedRows(
  log: RowsOfEntities,
  { source, attribute }: { source: "user" | "item" | "context"; attribute?: string | undefined },
): CodedRows {
  if (source === "user") return { codes: log.user, ids: log.users.ids, attributes: log.users.attributes };
  if (source === "item") return { codes: log.item, ids: log.items.ids, attributes: log.items.attributes };
  const column = log.context?.find(({ name }) => name === attribute);
  if (column === undefined) return { codes: new Int32Array(log.size), ids: [""], attributes: [{}] };
  const { name, codes, values } = column;
  const attributes = values.map((value): Attributes => (value === undefined ? {} : { [name]: value }));
  return { codes, ids: values.map(() => ""), attributes };
}

/** The context of the given rows, in their order. */
export function takeContext(
  context: WithContext["context"],
  rows: ArrayLike<number>,
): readonly ContextColumn[] | undefined {
  return context?.map((column) => ({
    ...column,
    codes: Int32Array.from(rows, (row) => column.codes[row]!),
  }));
}

/**
 * The context in the order of sorted rows. Rows that are the same in all else follow the order of their context, so that a log
 * does not depend on the order in which it was read.
 * @param origin where each row was before it was sorted; is changed
 */
export function sortContext(
  columns: RowColumns & WithContext,
  origin: Uint32Array,
): readonly ContextColumn[] | undefined {
  const { context = [], user, item, time, rating, label, part = label } = columns;
  const same = (a: number, b: number): boolean =>
    [user, item, time, rating, label, part].every((column) => column[a] === column[b]);
  const compare = (a: number, b: number): number => {
    for (const { codes } of context) if (codes[a] !== codes[b]) return codes[a]! - codes[b]!;
    return a - b;
  };
  for (let start = 0, end = 1; start < origin.length; start = end, end += 1) {
    while (end < origin.length && time[end] === time[start] && same(start, end)) end += 1;
    if (end - start > 1) origin.subarray(start, end).sort(compare);
  }
  return takeContext(context, origin);
}

/** The values of a context column as JSON lines: its name, then each value by code. */
export function contextBytes({ name, values }: ContextColumn): Uint8Array {
  return Buffer.from([name, ...values.slice(1)].map((value) => `${JSON.stringify(value)}\n`).join(""));
}

/** A context column of what `contextBytes` gave, and its codes. */
export function contextFrom(bytes: Uint8Array, codes: Int32Array): ContextColumn {
  const [name, ...values] = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as AttributeValue);
  return { name: name as string, codes, values: [undefined, ...values] };
}
