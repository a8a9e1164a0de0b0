/**
 * A table as text with its columns in line; one without names of columns begins with its rows.
 * @example
 * ```ts
 * import { alignColumns } from "@corella/terminal";
 *
 * console.log(alignColumns({ columns: ["model", "AUC"], rows: [["DCNv2", ".79"]] }).split("\n").length > 1); // true
 * ```
 */
export function alignColumns({
  columns,
  rows,
}: {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}): string {
  const lines = columns.length === 0 ? rows : [columns, ...rows];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((text, i) => text.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Columns of a terminal that a table may take. */
const tableWidth = 110;

/**
 * A table as text of so many columns at most: what does not fit beside the first column stands below, in further tables that
 * begin with the first column too. A cell is never cut, so that a single wide one may go beyond.
 */
export function alignInWidth(
  { columns, rows }: { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] },
  width: number = tableWidth,
): string {
  const widths = columns.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]!.length)),
  );
  const blocks: number[][] = [[]];
  let used = widths[0]!;
  for (let column = 1; column < columns.length; column++) {
    if (used + 2 + widths[column]! > width && blocks.at(-1)!.length > 0) {
      blocks.push([]);
      used = widths[0]!;
    }
    blocks.at(-1)!.push(column);
    used += 2 + widths[column]!;
  }
  return blocks
    .map((block) => {
      const cellsOf = (row: readonly string[]): string[] => [0, ...block].map((column) => row[column]!);
      return alignColumns({ columns: cellsOf(columns), rows: rows.map(cellsOf) });
    })
    .join("\n\n");
}

/** A length of time as minutes and seconds: 75,000 ms is `1:15`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
