import type { DuckDBConnection } from "@duckdb/node-api";
import { parseAttribute } from "../attributes.ts";
import type { AttributeColumn, ItemsConfig, UsersConfig } from "../config.ts";
import type { Attributes, AttributeValue, EntityTable } from "../log.ts";
import { identifier, literal } from "./database.ts";
import { openFiles } from "./files.ts";
import { type ColumnPlan, importTable, type Skipped } from "./import-table.ts";
import { idPlan } from "./rating-columns.ts";

/**
 * Gives codes to users or items (those with ratings first, each part in ascending order) in a table `<table>_codes`,
 * and reads their attributes. Of several rows of one id the first counts; the others are reported.
 */
export async function readAttributes(
  connection: DuckDBConnection,
  table: "items" | "users",
  config: ItemsConfig | UsersConfig | undefined,
  baseFolder: string,
  scratchFolder: string,
): Promise<{ entities: EntityTable; skipped: Skipped[] }> {
  const entity = table === "items" ? "item" : "user";
  const skipped: Skipped[] = [];
  const attributesById = new Map<string, Attributes>();
  if (config !== undefined) {
    const files = await openFiles(connection, table, config, baseFolder, scratchFolder);
    const plans = columnPlans(config, entity);
    skipped.push(...(await importTable(connection, table, config, files, plans)));
    const names = Object.keys(plans);
    const reader = await connection.runAndReadAll(`SELECT ${names.map(identifier).join(", ")} FROM ${table}`);
    let repeated = 0;
    for (const [id, ...cells] of reader.getRows()) {
      if (attributesById.has(String(id))) repeated++;
      else attributesById.set(String(id), attributesOf(config, names.slice(1), cells as (string | null)[]));
    }
    if (repeated > 0) {
      const reason = `an earlier row has the same ${entity}`;
      skipped.push({ table, reason, count: repeated, firstPlace: files.nameOf(files.paths[0]!) });
    }
  }
  const { ids, activeCount } = await createCodes(connection, table, entity, config !== undefined);
  return {
    entities: { ids, activeCount, attributes: ids.map((id) => attributesById.get(id) ?? {}) },
    skipped,
  };
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
  for (const [name, column] of Object.entries(attributes)) {
    const { column: reference, type, missing } = typeof column === "object" ? column : { column };
    plans[name] = {
      reference,
      ...(missing !== undefined && { value: `nullif(${identifier(name)}, ${literal(missing)})` }),
      ...(type === "number" && {
        isBad:
          "value IS NOT NULL AND value <> '' AND NOT coalesce(isfinite(TRY_CAST(value AS DOUBLE)), false)",
        complaint: `the ${name} is not a number`,
      }),
    };
  }
  for (const [name, { firstColumn, names }] of flagsOf(config)) {
    for (const index of names.keys()) plans[flagKey(name, index)] = { reference: firstColumn + index };
  }
  return plans;
}

function attributesOf(
  config: ItemsConfig | UsersConfig,
  names: readonly string[],
  cells: readonly (string | null)[],
): Attributes {
  const columns = config.columns as Record<string, AttributeColumn>;
  const attributes: Record<string, AttributeValue> = {};
  const byName = new Map<string, string | null>();
  for (const [index, name] of names.entries()) {
    const cell = cells[index] ?? null;
    byName.set(name, cell);
    const column = columns[name];
    const value = column === undefined ? undefined : parseAttribute(column, cell);
    if (value !== undefined) attributes[name] = value;
  }
  for (const [name, flags] of flagsOf(config)) {
    const values = flags.names.filter((_, index) => byName.get(flagKey(name, index)) === "1");
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
