import type { TableConfig } from "./config.ts";

// One grammar of numbers for all cells: digits with at most one decimal point, a sign before, an exponent behind, blanks around.
// Neither "1_000" and "+-1", which DuckDB takes for numbers, nor "0x10" and "4\u00a0", which JavaScript does, are any.

const grammar = /^[ \t\n\v\f\r]*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[ \t\n\v\f\r]*$/;

/** The number of a cell; undefined where the text is none, or none that is finite. */
export function parseNumber(text: string, decimal: TableConfig["decimal"] = "."): number | undefined {
  const pointed = decimal === "." ? text : text.includes(".") ? "" : text.replace(",", ".");
  if (!grammar.test(pointed)) return undefined;
  const value = Number(pointed);
  return Number.isFinite(value) ? value : undefined;
}

/** SQL that defines `to_number(cell)`: the DOUBLE of a cell, or NULL, as `parseNumber` reads it. */
export function numberMacro(decimal: TableConfig["decimal"]): string {
  const pointed =
    decimal === "." ? "cell" : "CASE WHEN NOT contains(cell, '.') THEN replace(cell, ',', '.') END";
  const value = `TRY_CAST(${pointed} AS DOUBLE)`;
  return `CREATE OR REPLACE TEMP MACRO to_number(cell) AS
    CASE WHEN isfinite(${value}) AND NOT contains(cell, '_') AND NOT contains(cell, '+-') THEN ${value} END`;
}
