import { CorellaError } from "@corella/errors";
import type { DuckDBDataChunk } from "@duckdb/node-api";
import { parseAttribute } from "../attributes.ts";
import type { AttributeColumn, RatingsConfig } from "./config.ts";
import { type ContextColumn, contextColumn } from "../context.ts";
import type { AttributeValue } from "../log.ts";
import { attributePlan } from "./attribute-plan.ts";
import { identifier } from "./database.ts";
import type { ColumnPlan, Skipped } from "./import-table.ts";

/** What the columns of the ratings have names of their own for; all others are context. */
export const ratingColumnNames: readonly string[] = ["user", "item", "rating", "label", "time", "part"];

/** The columns of the ratings that are context, by name. */
export function contextConfig({ columns }: Pick<RatingsConfig, "columns">): [string, AttributeColumn][] {
  return Object.entries(columns).flatMap(([name, column]): [string, AttributeColumn][] =>
    ratingColumnNames.includes(name) || column === undefined ? [] : [[name, column as AttributeColumn]],
  );
}

/** How the context is read: like attributes. */
export function contextPlans(ratings: Pick<RatingsConfig, "columns">): Record<string, ColumnPlan> {
  return Object.fromEntries(
    contextConfig(ratings).map(([name, column]) => [name, attributePlan(name, column)]),
  );
}

function unreadable(name: string, problem: string, text: string): CorellaError {
  return new CorellaError({
    code: "data/bad-row",
    message: `A cell of ${name} ${problem}: ${JSON.stringify(text.slice(0, 60))}.`,
    place: `data.source.ratings.columns.${name}`,
    remedy: "Correct the cell, or what the column says of its type.",
  });
}

/** Reads context from chunks of rows, each value once. */
export interface ContextReader {
  /** What a query selects for it, each behind a comma. */
  readonly select: string;
  /** @param first index of its first column in the chunk @param row of the chunk's first row */
  add(chunk: DuckDBDataChunk, first: number, row: number): void;
  /** undefined where the ratings have no context. */
  finish(): readonly ContextColumn[] | undefined;
  /** Under `onBadRow: skip`: cells that cannot be read, which have no value. */
  unreadable(): Skipped[];
}

/** Makes a reader of the context of so many ratings. */
export function createContextReader(
  ratings: Pick<RatingsConfig, "columns" | "onBadRow">,
  size: number,
): ContextReader {
  const problems = new Map<string, Skipped>();
  const columns = contextConfig(ratings).map(([name, config]) => ({
    name,
    config,
    /** 0: none. */
    met: new Int32Array(size),
    byText: new Map<string | number, number>(),
    bad: new Map<string | number, Skipped>(),
    byValue: new Map<string, number>(),
    found: [] as AttributeValue[],
  }));
  const codeOf = (
    { name, config, byText, byValue, found, bad }: (typeof columns)[number],
    text: string | number | null,
  ): number => {
    if (text === null) return 0;
    const known = byText.get(text);
    if (known !== undefined) {
      const again = known === 0 ? bad.get(text) : undefined;
      if (again !== undefined) again.count++;
      return known;
    }
    const { value, problem } = parseAttribute(config, text);
    if (problem !== undefined) {
      if (ratings.onBadRow === "error") throw unreadable(name, problem, String(text));
      const kind = `${name} ${problem}`;
      const counted = problems.get(kind) ?? {
        table: "ratings",
        reason: `a cell of ${kind} (the cell has no value, its row stays)`,
        count: 0,
        firstPlace: `data.source.ratings.columns.${name}`,
      };
      counted.count++;
      problems.set(kind, counted);
      bad.set(text, counted);
    }
    let code = 0;
    if (value !== undefined) {
      // "1" and "1.0" are one number.
      const key = JSON.stringify(value);
      code = byValue.get(key) ?? found.push(value);
      byValue.set(key, code);
    }
    byText.set(text, code);
    return code;
  };
  return {
    unreadable: () => [...problems.values()],
    select: columns.map(({ name }) => `, ratings.${identifier(name)}`).join(""),
    add(chunk, first, row) {
      for (const [index, column] of columns.entries()) {
        const vector = chunk.getColumnVector(first + index);
        for (let i = 0; i < chunk.rowCount; i++)
          column.met[row + i] = codeOf(column, vector.getItem(i) as string | number | null);
      }
    },
    finish: () =>
      columns.length === 0
        ? undefined
        : columns.map(({ name, found, met }) => contextColumn(name, found, met)),
  };
}
