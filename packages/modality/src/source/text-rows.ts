import { identifier } from "./database.ts";
import type { Rejected } from "./rejects.ts";

/** The name of the column of a row's place, which no attribute has. */
export const rowAtName = "?row at";
/** The column of a row's place. */
export const rowAt: string = identifier(rowAtName);
/** The column of whether a row is no record. */
export const broken: string = identifier("?broken");

/** The rows of a table of text. */
export interface TextRows {
  /** SQL of some rows each: `rowAt`, the wanted columns as VARCHAR, and `broken` for those that are no record. */
  parts: AsyncIterable<string>;
  /** The lines that were no rows, once the parts were read. */
  rejected(): Rejected[];
  /** Where a row's cell stands, in the user's words. */
  placeOf(at: number, key: string): string;
  /** The names of all fields that occur, those of objects in fields as `a.b`; absent where the columns are known before. */
  fieldNames?(): Promise<string[]>;
}

/** A place is the number of the file times this, plus the line. */
export const linesOfFile: number = 2 ** 40;

/** SQL of a relation without rows. */
export function noRows(keys: readonly string[]): string {
  return `SELECT 0::BIGINT AS ${rowAt}, ${keys.map((key) => `''::VARCHAR AS ${identifier(key)}`).join(", ")}, false AS ${broken} WHERE false`;
}
