import type { DuckDBConnection } from "@duckdb/node-api";
import { finishItem } from "./attributes.ts";
import { type DataConfig, type DataConfigInput, parseDataConfig } from "./config.ts";
import type { ItemsConfig } from "./source/config.ts";
import { filterKCore } from "./k-core.ts";
import {
  createLog,
  type EntityTable,
  type InteractionLog,
  isLiked,
  type LoadReport,
  type LogColumns,
  type Warning,
} from "./log.ts";
import { checkLabels, checkTimes, thresholdOfLabels } from "./plausible.ts";
import { readAttributes } from "./source/attribute-table.ts";
import { withDatabase } from "./source/database.ts";
import { createContextReader } from "./source/context-columns.ts";
import { readRatings, removeDuplicates } from "./source/read-ratings.ts";

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
  const { size, report, ...all } = await readAll(parsed, options.baseFolder ?? process.cwd());
  const kept = filterKCore(all, parsed.filter);
  const removedByKCore = size - kept.user.length;
  const log = createLog({ ...kept, report: { ...report, rowsRead: size, removedByKCore } });
  const warnings = [...log.report.warnings, ...checkTimes(log, parsed), ...checkLabels(log, parsed)];
  return { ...log, report: { ...log.report, warnings } };
}

/** All good rows, in any order, and their users and items. */
async function readAll(config: DataConfig, baseFolder: string): Promise<LogColumns & { size: number }> {
  return withDatabase(async (connection, scratchFolder) => {
    const { ratings, items, users } = config.source;
    const { skipped } = await readRatings(connection, config, baseFolder, scratchFolder);
    const itemTable = await readAttributes(connection, "items", items, baseFolder, scratchFolder);
    const userTable = await readAttributes(connection, "users", users, baseFolder, scratchFolder);
    const repeated = await removeDuplicates(connection, ratings);
    const size = await numberOfRatings(connection);
    const { unreadable, ...columns } = await readColumns(connection, config, size);
    return {
      ...columns,
      items: items === undefined ? itemTable.entities : finishItems(itemTable.entities, items),
      users: userTable.entities,
      size,
      report: {
        skipped: [...skipped, ...unreadable, ...repeated, ...itemTable.skipped, ...userTable.skipped],
        times: timesOf(config),
        attributes: [...itemTable.attributes, ...userTable.attributes],
        warnings: [...withoutTimes(config), ...itemTable.warnings, ...userTable.warnings],
      },
    };
  });
}

/** Without a column of times all rows are of one instant or, under `history.ties: order`, follow each other as in the file. */
function timesOf({ source: { ratings }, history }: DataConfig): LoadReport["times"] {
  if (ratings.columns.time !== undefined) return ratings.timeUnit === "steps" ? "order" : "clock";
  return history.ties === "order" ? "order" : "none";
}

function withoutTimes(config: DataConfig): Warning[] {
  if (config.source.ratings.columns.time !== undefined) return [];
  const byOrder = timesOf(config) === "order";
  return [
    byOrder
      ? {
          message: "The log has no times: the order of the file stands for them.",
          remedy: "Where that order means nothing, write history: { ties: exclude }.",
        }
      : {
          message:
            "The log has no times: no sample has a history, and running statistics know nothing before it.",
          // Items of one impression would be in each other's histories.
          remedy:
            config.source.ratings.impressions === undefined
              ? "Where the file is in order of time, history: { ties: order } takes that."
              : "Where the file is in order of time, number its rows in a column of times and write timeUnit: steps.",
        },
  ];
}

function finishItems(table: EntityTable, config: ItemsConfig): EntityTable {
  return { ...table, attributes: table.attributes.map((attributes) => finishItem(attributes, config)) };
}

async function numberOfRatings(connection: DuckDBConnection): Promise<number> {
  return Number((await connection.runAndReadAll("SELECT count(*) FROM ratings")).getRows()[0]![0]);
}

/** The columns as typed arrays, chunk by chunk. They are sorted later, in memory: DuckDB would spill to disk for it. */
async function readColumns(
  connection: DuckDBConnection,
  config: DataConfig,
  size: number,
): Promise<Omit<LogColumns, "users" | "items"> & { unreadable: LoadReport["skipped"] }> {
  const byThreshold = "threshold" in config.label;
  const rating = config.source.ratings.columns.rating === undefined ? "label" : "rating";
  const columns = {
    user: new Int32Array(size),
    item: new Int32Array(size),
    rating: new Float32Array(size),
    time: new Float64Array(size),
    label: new Uint8Array(size),
    ...(hasParts(config) && { part: new Uint8Array(size) }),
  };
  const context = createContextReader(config.source.ratings, size);
  const { time } = config.source.ratings.columns;
  const times =
    time !== undefined ? "time" : config.history.ties === "order" ? "ratings.rowid::DOUBLE" : "0::DOUBLE";
  const result = await connection.stream(
    `SELECT users_codes.code, items_codes.code, ${rating}::FLOAT AS rating, ${times} AS time, ${byThreshold ? "0" : "label"}::UTINYINT${hasParts(config) ? ", part::UTINYINT" : ""}${context.select}
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
  const likedThreshold = "threshold" in config.label ? config.label.threshold : likedFrom(config, columns);
  if (byThreshold)
    for (let i = 0; i < size; i++) columns.label[i] = isLiked(columns.rating[i]!, likedThreshold) ? 1 : 0;
  return {
    ...columns,
    context: context.finish(),
    history: config.history,
    likedThreshold,
    unreadable: context.unreadable(),
  };
}

/** From which rating on an event of a log with labels is liked: as said, or so that the fewest events differ from their label. */
function likedFrom(
  { label, source }: DataConfig,
  columns: { rating: Float32Array; label: Uint8Array },
): number {
  if ("likedThreshold" in label && label.likedThreshold !== undefined) return label.likedThreshold;
  return source.ratings.columns.rating === undefined ? 0.5 : thresholdOfLabels(columns).threshold;
}

function hasParts({ source: { ratings } }: DataConfig): boolean {
  return ratings.parts !== undefined || ratings.columns.part !== undefined;
}
