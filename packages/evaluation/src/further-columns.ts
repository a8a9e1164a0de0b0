import { costCell, costColumns } from "./cost.ts";
import type { EvaluationRow } from "./evaluate.ts";
import { formatShort } from "./numbers.ts";

/** A column of what stands beside the main figures. */
export interface FurtherColumn {
  readonly title: string;
  /** A row's value as a table prints it; a dash where nothing is known. */
  readonly cell: (row: EvaluationRow) => string;
}

/** Figures besides AUC, logloss and accuracy, and costs: the columns of which one row at least has a value. */
export function furtherColumns(rows: readonly EvaluationRow[]): FurtherColumn[] {
  const figures: [title: string, valueOf: (row: EvaluationRow) => number | undefined][] = [
    ["validation logloss", ({ validation }) => validation?.logLoss.estimate],
    ["GAUC", ({ groupAuc }) => groupAuc],
    ["ECE", ({ calibrationError }) => calibrationError],
  ];
  return [
    ...figures
      .filter(([, valueOf]) => rows.some((row) => valueOf(row) !== undefined))
      .map(([title, valueOf]) => ({
        title,
        cell: (row: EvaluationRow) => formatShort(valueOf(row) ?? Number.NaN),
      })),
    ...costColumns(rows).map((column) => ({
      title: column.title,
      cell: ({ cost }: EvaluationRow) => costCell(column, cost),
    })),
  ];
}
