import { CorellaError } from "@corella/errors";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { DataConfig } from "../config.ts";
import type { RatingsConfig } from "./config.ts";
import { identifier } from "./database.ts";
import { openFiles, type OpenedFiles } from "./files.ts";
import { importTable, type Skipped } from "./import-table.ts";
import { withoutJsonLists } from "./json-array.ts";
import { ratingColumns } from "./rating-columns.ts";
import { requireTimeFormat, settleDates } from "./times.ts";

/**
 * Reads the good rows of the ratings into the table `ratings`: user, item, rating or label, time, part.
 * @throws CorellaError `data/bad-row`, `data/same-column`, `data/ambiguous-time`, `data/ambiguous-label`, `data/no-rows`, `data/no-part`
 */
export async function readRatings(
  connection: DuckDBConnection,
  config: DataConfig,
  baseFolder: string,
  scratchFolder: string,
): Promise<{ skipped: Skipped[]; place: string }> {
  refuseSameColumn(config.source.ratings);
  await requireTimeFormat(connection, config.source.ratings);
  const opened = await openFiles(connection, "ratings", config.source.ratings, baseFolder, scratchFolder);
  const { config: ratings, files } = await withoutJsonLists(
    "ratings",
    config.source.ratings,
    opened,
    scratchFolder,
  );
  const place = files.nameOf(files.paths[0]!);
  const skipped =
    ratings.parts === undefined || ratings.columns.part !== undefined
      ? await importTable(connection, "ratings", ratings, files, ratingColumns(config))
      : await importParts(
          connection,
          { ...config, source: { ...config.source, ratings } },
          ratings.parts,
          files,
        );
  await settleDates(connection, ratings, place);
  await requireRows(connection, place);
  await nameTheUnnamed(connection, ratings);
  await settleLabels(connection, place);
  return { skipped, place };
}

/** Columns that cannot be one and the same; a label may be the rating. */
function refuseSameColumn({ columns, impressions }: RatingsConfig): void {
  const { user, item, rating, label, time } = columns;
  const pairs: [string, unknown, string, unknown][] = [
    ["user", user, "item", item],
    ["time", time, "user", user],
    ["time", time, "item", item],
    ["time", time, "rating", rating],
    ["time", time, "label", label],
    ["label", impressions === undefined ? label : undefined, "user", user],
    ["label", impressions === undefined ? label : undefined, "item", item],
    ["rating", rating, "user", user],
    ["rating", rating, "item", item],
  ];
  const same = pairs.find(([, one, , other]) => one !== undefined && one === other);
  if (same === undefined) return;
  const [one, column, other] = same;
  const isImpression = one === "label" && other === "item";
  throw new CorellaError({
    code: "data/same-column",
    message: `The ${one} and the ${other} are the same column, ${JSON.stringify(column)}.`,
    place: `data.source.ratings.columns.${one}`,
    remedy: isImpression
      ? "Where each cell shows items with their labels, add source.ratings.impressions."
      : one === "user" && other === "item"
        ? "Name the right columns; where lines such as 1: tell the item of the rows below, leave `item` out and write heading: { column: item }."
        : one === "time"
          ? "Name the column of times, or leave `time` out where there is none."
          : "Name the right columns.",
  });
}

/** Each part of the files by itself, its rows marked with it. */
async function importParts(
  connection: DuckDBConnection,
  config: DataConfig,
  parts: NonNullable<RatingsConfig["parts"]>,
  files: OpenedFiles,
): Promise<Skipped[]> {
  const { ratings } = config.source;
  const names = ["train", "validation", "test"] as const;
  const partOf = (path: string): number =>
    names.findIndex((part) => parts[part]?.some((pattern) => matches(files.nameOf(path), pattern)));
  const lost = files.paths.find((path) => partOf(path) < 0);
  const empty = names.find(
    (part, code) => parts[part] !== undefined && !files.paths.some((path) => partOf(path) === code),
  );
  if (lost !== undefined || empty !== undefined) {
    throw new CorellaError({
      code: "data/no-part",
      message:
        lost === undefined
          ? `No file of ${ratings.path} is called ${parts[empty!]!.join(" or ")}.`
          : `${files.nameOf(lost)} belongs to no part.`,
      place: "data.source.ratings.parts",
      remedy: "Let `path` name all files of the parts and no other, and `parts` the end of their names.",
    });
  }
  const skipped: Skipped[] = [];
  for (const code of names.keys()) {
    const paths = files.paths.filter((path) => partOf(path) === code);
    if (paths.length === 0) continue;
    skipped.push(
      ...(await importTable(connection, "ratings", ratings, { ...files, paths }, ratingColumns(config))),
    );
    await connection.run(`ALTER TABLE ratings RENAME TO ${identifier(`part ${code}`)}`);
  }
  const tables = [0, 1, 2].filter((code) => files.paths.some((path) => partOf(path) === code));
  const selects = tables.map((code) => `SELECT *, ${code} AS part FROM ${identifier(`part ${code}`)}`);
  await connection.run(`CREATE TABLE ratings AS ${selects.join(" UNION ALL ")}`);
  return skipped;
}

/** Whether a path ends like a pattern with `*` and `?`, whole names of files and folders compared. */
function matches(path: string, pattern: string): boolean {
  const source = pattern
    .replaceAll(/[\\^$.+()[\]{}|]/g, "\\$&")
    .replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]");
  return new RegExp(`(?:^|/)${source}$`).test(path.replaceAll("\\", "/"));
}

/** Where no column says the user, each row is one of its own; where none says the item, all are of one. */
async function nameTheUnnamed(
  connection: DuckDBConnection,
  { columns, heading }: RatingsConfig,
): Promise<void> {
  for (const [name, reference, id] of [
    ["user", columns.user, "rowid::VARCHAR"],
    ["item", columns.item, "'any'"],
  ] as const) {
    if (reference !== undefined || heading?.column === name) continue;
    await connection.run(`ALTER TABLE ratings ADD COLUMN ${identifier(name)} VARCHAR`);
    await connection.run(`UPDATE ratings SET ${identifier(name)} = ${id}`);
  }
}

async function requireRows(connection: DuckDBConnection, place: string): Promise<void> {
  if ((await connection.runAndReadAll("SELECT 1 FROM ratings LIMIT 1")).currentRowCount > 0) return;
  throw new CorellaError({
    code: "data/no-rows",
    message: "No good row is left of the ratings.",
    place: `${place}:1, column 1`,
    remedy: "Check data.source.ratings against the file.",
  });
}

/** Labels are -1 and 1, or 0 and 1; what -1 means beside 0 nobody knows. */
async function settleLabels(connection: DuckDBConnection, place: string): Promise<void> {
  const columns = await connection.runAndReadAll(
    "SELECT 1 FROM duckdb_columns() WHERE table_name = 'ratings' AND column_name = 'label'",
  );
  if (columns.currentRowCount === 0) return;
  const reader = await connection.runAndReadAll(
    "SELECT bool_or(label = -1), bool_or(label = 0) FROM ratings",
  );
  const [minusOne, zero] = reader.getRows()[0]!;
  if (minusOne !== true) return;
  if (zero === true) {
    throw new CorellaError({
      code: "data/ambiguous-label",
      message: "The labels are -1, 0 and 1: which of -1 and 0 is the negative one?",
      place,
      remedy: "Leave the rows of the other out: data.source.ratings.where: label != 0.",
    });
  }
  await connection.run("UPDATE ratings SET label = 0 WHERE label = -1");
}

/**
 * Removes all rows of one user and item but the first or last in time, of one time the first or last in the file.
 * @returns how many rows went, as they are reported
 */
export async function removeDuplicates(
  connection: DuckDBConnection,
  { duplicates, columns }: RatingsConfig,
): Promise<Skipped[]> {
  if (duplicates === "keep") return [];
  const direction = duplicates === "first" ? "ASC" : "DESC";
  const time = columns.time === undefined ? "" : `time ${direction}, `;
  const removed = `SELECT place FROM (
    SELECT rowid AS place, row_number() OVER (PARTITION BY "user", item ORDER BY ${time}rowid ${direction}) AS number FROM ratings) WHERE number > 1`;
  const before = await connection.runAndReadAll(`SELECT count(*)::DOUBLE FROM (${removed})`);
  const count = Number(before.getRows()[0]![0]);
  if (count === 0) return [];
  await connection.run(`DELETE FROM ratings WHERE rowid IN (${removed})`);
  const reason = `another row of the same user and item is the ${duplicates}`;
  return [{ table: "ratings", reason, count, firstPlace: "data.source.ratings.duplicates" }];
}
