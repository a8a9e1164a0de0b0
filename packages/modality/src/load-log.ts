import { CorellaError } from "@corella/errors";
import type { DuckDBConnection } from "@duckdb/node-api";
import { finishItem } from "./attributes.ts";
import { type DataConfig, type DataConfigInput, type ItemsConfig, parseDataConfig } from "./config.ts";
import { filterKCore } from "./k-core.ts";
import { createLog, type EntityTable, type InteractionLog, isLiked, type LogColumns } from "./log.ts";
import { readAttributes } from "./source/attribute-table.ts";
import { withDatabase } from "./source/database.ts";
import { openFiles } from "./source/files.ts";
import { importTable, type Skipped } from "./source/import-table.ts";
import { contextPlans, createContextReader } from "./source/context-columns.ts";
import { ratingColumns } from "./source/rating-columns.ts";

/**
 * Reads, checks and sorts the interactions and attributes that a config names.
 * @param options.baseFolder where relative paths start (the folder of the config file). Default: the working directory.
 * @throws CorellaError with file, line and column for bad rows under `onBadRow: error`.
 */
export async function loadLog(
  config: DataConfigInput,
  options: { baseFolder?: string } = {},
): Promise<InteractionLog> {
  const parsed = parseDataConfig(config);
  const { size, skipped, ...all } = await readAll(parsed, options.baseFolder ?? process.cwd());
  const kept = filterKCore(all, parsed.filter);
  const removedByKCore = size - kept.user.length;
  return createLog({ ...kept, report: { rowsRead: size, skipped, removedByKCore } });
}

/** All good rows, in any order, and their users and items. */
async function readAll(
  config: DataConfig,
  baseFolder: string,
): Promise<LogColumns & { size: number; skipped: Skipped[] }> {
  return withDatabase(async (connection, scratchFolder) => {
    const { ratings, items, users } = config.source;
    const files = await openFiles(connection, "ratings", ratings, baseFolder, scratchFolder);
    const skipped = await importTable(connection, "ratings", ratings, files, {
      ...ratingColumns(config),
      ...contextPlans(ratings),
    });
    const size = await numberOfRatings(connection, files.nameOf(files.paths[0]!));
    const itemTable = await readAttributes(connection, "items", items, baseFolder, scratchFolder);
    const userTable = await readAttributes(connection, "users", users, baseFolder, scratchFolder);
    return {
      ...(await readColumns(connection, config, size)),
      items: items === undefined ? itemTable.entities : finishItems(itemTable.entities, items),
      users: userTable.entities,
      size,
      skipped: [...skipped, ...itemTable.skipped, ...userTable.skipped],
    };
  });
}

function finishItems(table: EntityTable, config: ItemsConfig): EntityTable {
  return { ...table, attributes: table.attributes.map((attributes) => finishItem(attributes, config)) };
}

async function numberOfRatings(connection: DuckDBConnection, place: string): Promise<number> {
  const size = Number((await connection.runAndReadAll("SELECT count(*) FROM ratings")).getRows()[0]![0]);
  if (size > 0) return size;
  throw new CorellaError({
    code: "data/no-rows",
    message: "No good row is left of the ratings.",
    place: `${place}:1, column 1`,
    remedy: "Check data.source.ratings against the file.",
  });
}

/** The columns as typed arrays, chunk by chunk. They are sorted later, in memory: DuckDB would spill to disk for it. */
async function readColumns(
  connection: DuckDBConnection,
  config: DataConfig,
  size: number,
): Promise<Omit<LogColumns, "users" | "items">> {
  const byThreshold = "threshold" in config.label;
  const threshold = "threshold" in config.label ? config.label.threshold : config.label.likedThreshold;
  const rating = config.source.ratings.columns.rating === undefined ? "label" : "rating";
  const columns = {
    user: new Int32Array(size),
    item: new Int32Array(size),
    rating: new Float32Array(size),
    time: new Float64Array(size),
    label: new Uint8Array(size),
  };
  const context = createContextReader(config.source.ratings, size);
  const result = await connection.stream(
    `SELECT users_codes.code, items_codes.code, ${rating}::FLOAT AS rating, time, ${byThreshold ? "0" : "label"}::UTINYINT${context.select}
     FROM ratings JOIN users_codes ON ratings."user" = users_codes.id JOIN items_codes ON ratings.item = items_codes.id`,
  );
  let row = 0;
  for (
    let chunk = await result.fetchChunk();
    chunk !== null && chunk.rowCount > 0;
    chunk = await result.fetchChunk()
  ) {
    for (const [index, column] of Object.values(columns).entries()) {
      const { items } = chunk.getColumnVector(index) as unknown as { items: ArrayLike<number> };
      column.set(
        items.length === chunk.rowCount ? items : Array.prototype.slice.call(items, 0, chunk.rowCount),
        row,
      );
    }
    context.add(chunk, Object.keys(columns).length, row);
    row += chunk.rowCount;
  }
  if (byThreshold)
    for (let i = 0; i < size; i++) columns.label[i] = isLiked(columns.rating[i]!, threshold) ? 1 : 0;
  return { ...columns, context: context.finish(), history: config.history, likedThreshold: threshold };
}
