import { CorellaError } from "@corella/errors";
import type { DuckDBConnection } from "@duckdb/node-api";
import { parseAttribute } from "../attributes.ts";
import type { AttributeColumn, ItemsConfig, UsersConfig } from "./config.ts";
import type { AttributeReport, Attributes, AttributeValue, EntityTable, Warning } from "../log.ts";
import { attributePlan } from "./attribute-plan.ts";
import { identifier } from "./database.ts";
import { openFiles } from "./files.ts";
import { normaliseIds, spellingDifference, spellingOfRatings } from "./ids.ts";
import { type ColumnPlan, importTable, type Skipped } from "./import-table.ts";
import { withoutJsonLists } from "./json-array.ts";
import { parseLiteral } from "./literal.ts";
import { idPlan } from "./rating-columns.ts";
import { truthSql } from "./truth.ts";

/** The users or items of a log, and how they were read. */
export interface AttributesRead {
  entities: EntityTable;
  skipped: Skipped[];
  attributes: AttributeReport[];
  warnings: Warning[];
}

/**
 * Gives codes to users or items (those with ratings first, each part in ascending order) in a table `<table>_codes`,
 * and reads their attributes. Of several rows of one id the first counts; the others are reported.
 * @throws CorellaError `data/bad-row`; `data/no-join` where no id of the ratings is in the table
 */
export async function readAttributes(
  connection: DuckDBConnection,
  table: "items" | "users",
  given: ItemsConfig | UsersConfig | undefined,
  baseFolder: string,
  scratchFolder: string,
): Promise<AttributesRead> {
  const entity = table === "items" ? "item" : "user";
  const warnings = await normaliseIds(connection, "ratings", entity);
  if (given === undefined) {
    const { ids, activeCount } = await createCodes(connection, table, entity, false);
    const entities = { ids, activeCount, attributes: ids.map(() => ({})) };
    return { entities, skipped: [], attributes: [], warnings };
  }
  const opened = await openFiles(connection, table, given, baseFolder, scratchFolder);
  const { config, files } = await withoutJsonLists(table, given, opened, scratchFolder);
  const place = files.nameOf(files.paths[0]!);
  const plans = columnPlans(config, entity);
  const skipped = await importTable(connection, table, config, files, plans);
  await normaliseIds(connection, table, entity, await spellingOfRatings(connection, entity)); // a row of attributes for a missing id does no harm
  const names = Object.keys(plans);
  const reader = await connection.runAndReadAll(`SELECT ${names.map(identifier).join(", ")} FROM ${table}`);
  const tally = createTally(table, config, place);
  const attributesById = new Map<string, Attributes>();
  let repeated = 0;
  for (const [id, ...cells] of reader.getRows()) {
    if (attributesById.has(String(id))) repeated++;
    else
      attributesById.set(
        String(id),
        attributesOf(config, names.slice(1), cells as (string | number | null)[], String(id), tally),
      );
  }
  if (repeated > 0)
    skipped.push({
      table,
      reason: `an earlier row has the same ${entity}`,
      count: repeated,
      firstPlace: place,
    });
  const { ids, activeCount } = await createCodes(connection, table, entity, true);
  warnings.push(...headerWarnings(table, config, ids, activeCount, reader.getRows()[0] ?? [], place));
  warnings.push(...joinWarnings(table, ids, activeCount, attributesById, place), ...tally.warnings());
  return {
    entities: { ids, activeCount, attributes: ids.map((id) => attributesById.get(id) ?? {}) },
    skipped: [...skipped, ...tally.unreadable()],
    attributes: tally.reports(),
    warnings,
  };
}

/** A first row of words, whose id no rating has and none is like: the names of the columns, read as a row. */
function headerWarnings(
  table: "items" | "users",
  { format, header }: ItemsConfig | UsersConfig,
  ids: readonly string[],
  activeCount: number,
  row: readonly unknown[],
  place: string,
): Warning[] {
  const [id = "", ...cells] = row.map((cell) => (cell === null ? "" : String(cell)));
  if (format !== "csv" || header || ids.indexOf(id) < activeCount) return [];
  const isWord = (text: string): boolean => /^[a-zA-Z_][a-zA-Z_ .:/()-]*\d?$/.test(text);
  const isName =
    /^(?:.*[ _.-])?(?:id|ids|name|key|code|isbn|asin|item|user|movie|book|product)s?$|[a-z]I[dD]$/i.test(id);
  const isUnlike = !/\d/.test(id) && ids.every((other) => other === id || /\d/.test(other));
  if (!(isName || isUnlike) || ![id, ...cells].every((text) => text === "" || isWord(text))) return [];
  const message = `The first row of the ${table}, ${JSON.stringify([id, ...cells].join(", ").slice(0, 100))}, seems to be the names of the columns (${place}:1).`;
  return [{ message, remedy: `Write data.source.${table}.header: true, or remove that line.` }];
}

/** Users or items with ratings that have no row of attributes: a warning where that is most or a matter of spelling. */
function joinWarnings(
  table: "items" | "users",
  ids: readonly string[],
  activeCount: number,
  known: ReadonlyMap<string, Attributes>,
  place: string,
): Warning[] {
  const active = ids.slice(0, activeCount);
  const lost = active.filter((id) => !known.has(id));
  if (lost.length === 0) return [];
  const others = ids.slice(activeCount);
  const spelling = spellingDifference(lost, others);
  const why =
    spelling === undefined
      ? `for example "${lost[0]}"${others.length === 0 ? "" : `, while the ${table} have "${others[0]}"`}`
      : `for example "${spelling.example}", which the ${table} write "${spelling.other}": ${spelling.count.toLocaleString("en")} differ in ${spelling.difference} alone`;
  const remedy = "Write the ids alike in both files, or name the columns that hold the same ids.";
  if (lost.length === active.length) {
    throw new CorellaError({
      code: "data/no-join",
      message: `None of the ${active.length.toLocaleString("en")} ${table} with ratings is in the table of ${table}: ${why}.`,
      place,
      remedy,
    });
  }
  if (spelling === undefined && lost.length <= active.length / 2) return [];
  const message = `${lost.length.toLocaleString("en")} of ${active.length.toLocaleString("en")} ${table} with ratings are not in the table of ${table}: ${why}.`;
  return [{ message, remedy }];
}

async function createCodes(
  connection: DuckDBConnection,
  table: string,
  entity: string,
  hasTable: boolean,
): Promise<{ ids: string[]; activeCount: number }> {
  const known = hasTable ? `UNION ALL SELECT ${entity}, false FROM ${table}` : "";
  // Ids are ordered as numbers when all of them are (ties such as 7 and 007 by text), else as text.
  await connection.run(`CREATE TABLE ${table}_codes AS
    WITH ids AS (
      SELECT id, bool_or(active) AS active, TRY_CAST(id AS BIGINT) AS number
      FROM (SELECT ${identifier(entity)} AS id, true AS active FROM ratings ${known.replace(entity, identifier(entity))})
      GROUP BY id),
    ordered AS (SELECT id, active, CASE WHEN (SELECT bool_and(number IS NOT NULL) FROM ids) THEN number ELSE 0 END AS number FROM ids)
    SELECT id, active, (row_number() OVER (ORDER BY active DESC, number, id) - 1)::INTEGER AS code FROM ordered`);
  const reader = await connection.runAndReadAll(`SELECT id, active FROM ${table}_codes ORDER BY code`);
  const ids: string[] = [];
  let activeCount = 0;
  for (const [id, active] of reader.getRows()) {
    ids.push(String(id));
    if (active === true) activeCount++;
  }
  return { ids, activeCount };
}

function columnPlans(config: ItemsConfig | UsersConfig, entity: string): Record<string, ColumnPlan> {
  const { [entity]: id, ...attributes } = config.columns as Record<string, AttributeColumn>;
  const plans: Record<string, ColumnPlan> = {
    [entity]: { reference: id as string | number, ...idPlan },
  };
  for (const [name, column] of Object.entries(attributes)) plans[name] = attributePlan(name, column);
  for (const [name, { firstColumn, names }] of flagsOf(config)) {
    for (const index of names.keys()) {
      const key = flagKey(name, index);
      const truth = `(${truthSql(identifier(key))})::VARCHAR`;
      plans[key] = {
        reference: firstColumn + index,
        value: `CASE WHEN coalesce(trim(${identifier(key)}), '') = '' THEN '0' ELSE ${truth} END`,
        isBad: "value IS NULL",
        complaint: `the flag ${names[index]} of ${name} is neither 0 nor 1, true nor false`,
        mayLack: true,
      };
    }
  }
  return plans;
}

function attributesOf(
  config: ItemsConfig | UsersConfig,
  names: readonly string[],
  cells: readonly (string | number | null)[],
  id: string,
  tally: Tally,
): Attributes {
  const columns = config.columns as Record<string, AttributeColumn>;
  const attributes: Record<string, AttributeValue> = {};
  const byName = new Map<string, string | number | null>();
  for (const [index, name] of names.entries()) {
    const cell = cells[index] ?? null;
    byName.set(name, cell);
    const column = columns[name];
    if (column === undefined) continue;
    const { value, problem } = parseAttribute(column, cell);
    tally.count(name, cell, value, problem, id);
    if (value !== undefined) attributes[name] = value;
  }
  for (const [name, flags] of flagsOf(config)) {
    const values = flags.names.filter((_, index) => byName.get(flagKey(name, index)) === "1");
    tally.count(name, values.join(), values.length > 0 ? values : undefined, undefined, id);
    if (values.length > 0) attributes[name] = values;
  }
  return attributes;
}

function flagsOf(config: ItemsConfig | UsersConfig): [string, { firstColumn: number; names: string[] }][] {
  return "flags" in config ? Object.entries(config.flags) : [];
}

function flagKey(name: string, index: number): string {
  return `flag ${name} ${index}`;
}

/** Counts how the cells of each attribute are read. */
interface Tally {
  count(
    name: string,
    cell: string | number | null,
    value: AttributeValue | undefined,
    problem: string | undefined,
    id: string,
  ): void;
  reports(): AttributeReport[];
  unreadable(): Skipped[];
  warnings(): Warning[];
}

function createTally(table: "items" | "users", config: ItemsConfig | UsersConfig, place: string): Tally {
  const entity = table === "items" ? "item" : "user";
  const { [entity]: _id, ...columns } = config.columns as Record<string, AttributeColumn>;
  const typeOf = (column: AttributeColumn): AttributeReport["type"] =>
    typeof column === "object" ? column.type : "text";
  const counts = new Map<string, AttributeReport & { filled: number; read: number; lists: number }>();
  const start = (name: string, type: AttributeReport["type"]): unknown =>
    counts.set(name, { table, name, type, filled: 0, read: 0, lists: 0 });
  for (const [name, column] of Object.entries(columns)) start(name, typeOf(column));
  for (const [name] of flagsOf(config)) start(name, "list");
  const problems = new Map<string, Skipped>();
  return {
    count: (name, cell, value, problem, id) => {
      const counted = counts.get(name)!;
      if (cell !== null && String(cell).trim() !== "") counted.filled++;
      if (value !== undefined) counted.read++;
      if (counted.type === "text" && typeof value === "string" && /^\s*[[{(]/.test(value))
        if (parseLiteral(value) !== undefined) counted.lists++;
      if (problem === undefined) return;
      const reason = `a cell of ${name} ${problem}`;
      const firstPlace = `${place}, column ${name} of the ${entity} ${JSON.stringify(id.slice(0, 60))}`;
      if (config.onBadRow === "error") {
        throw new CorellaError({
          code: "data/bad-row",
          message: `A cell of ${name} ${problem}: ${JSON.stringify(String(cell).slice(0, 60))}.`,
          place: firstPlace,
          remedy: `Correct the cell or data.source.${table}.columns.${name}, or set data.source.${table}.onBadRow to skip: it is then counted and has no value.`,
        });
      }
      const before = problems.get(name);
      if (before === undefined) problems.set(name, { table, reason, count: 1, firstPlace });
      else before.count++;
    },
    reports: () =>
      [...counts.values()].map(({ name, type, filled, read }) => ({ table, name, type, filled, read })),
    unreadable: () => [...problems.values()],
    warnings: () =>
      [...counts.values()].flatMap(({ name, filled, read, lists }): Warning[] => {
        const where = `data.source.${table}.columns.${name}`;
        if (read === 0)
          return [
            { message: `The ${name} of the ${table} has no value in any row.`, remedy: `Check ${where}.` },
          ];
        if (lists <= filled / 2) return [];
        const message = `The ${name} of the ${table} are lists or objects, but are taken as text.`;
        return [{ message, remedy: `Write ${where}: { column: …, type: list }, with \`key\` for objects.` }];
      }),
  };
}
