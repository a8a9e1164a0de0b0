import { rename, rm } from "node:fs/promises";
import { extname } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { CorellaError, systemRemedy } from "@corella/errors";
import { csvCell, type ModelPredictions } from "@corella/evaluation";
import { writeFileAtomic } from "@corella/files";
import { decimalRating, type InteractionLog } from "@corella/modality";

const kinds = [".csv", ".parquet"];
/** Rows that are written at once. */
const blockRows = 10_000;

/**
 * Refuses a file that could not be written, before anything is scored.
 * @throws CorellaError `evaluate/predictions`
 */
export function requirePredictionsFile(path: string): void {
  if (kinds.includes(extname(path).toLowerCase())) return;
  throw new CorellaError({
    code: "evaluate/predictions",
    message: `Predictions are written as ${kinds.join(" or ")}, not as "${extname(path)}".`,
    place: path,
    remedy: `Let the name of --predictions end in ${kinds.join(" or ")}.`,
  });
}

/** What stands of each row before the models' probabilities. */
export interface RowColumn {
  readonly name: string;
  /** Its type in DuckDB. */
  readonly type: "VARCHAR" | "DOUBLE" | "INTEGER" | "TINYINT";
  valueOf(place: number): string | number;
}

/** Rows of a log: user, item, time (seconds), rating and label. */
export function logColumns(log: InteractionLog, rows: Uint32Array): readonly RowColumn[] {
  const of = (value: (row: number) => string | number) => (place: number) => value(rows[place]!);
  return [
    { name: "user", type: "VARCHAR", valueOf: of((row) => log.users.ids[log.user[row]!]!) },
    { name: "item", type: "VARCHAR", valueOf: of((row) => log.items.ids[log.item[row]!]!) },
    { name: "time", type: "DOUBLE", valueOf: of((row) => log.time[row]!) },
    { name: "rating", type: "DOUBLE", valueOf: of((row) => decimalRating(log.rating[row]!)) },
    { name: "label", type: "TINYINT", valueOf: of((row) => log.label[row]!) },
  ];
}

/**
 * Writes what each model says of rows, a line each in their order: the columns, and P(label = 1) under the name of each model. The
 * folder must exist.
 * @throws CorellaError `evaluate/predictions`, `file/write-failed`
 */
export async function writePredictions(
  path: string,
  columns: readonly RowColumn[],
  count: number,
  models: readonly Pick<ModelPredictions, "name" | "probabilities">[],
): Promise<void> {
  requirePredictionsFile(path);
  if (extname(path).toLowerCase() === ".csv") return writeCsv(path, columns, count, models);
  const text = `${path}.${process.pid}.tmp.csv`;
  const binary = `${path}.${process.pid}.tmp`;
  try {
    await writeCsv(text, columns, count, models);
    await toParquet(text, binary, columns, models);
    await rename(binary, path);
  } catch (error) {
    if (CorellaError.isInstance(error)) throw error;
    const message = `Writing failed: ${error instanceof Error ? error.message : String(error)}.`;
    throw new CorellaError({
      code: "file/write-failed",
      message,
      place: path,
      remedy: systemRemedy(error),
      cause: error,
    });
  } finally {
    for (const left of [text, binary]) await rm(left, { force: true });
  }
}

function writeCsv(
  path: string,
  columns: readonly RowColumn[],
  count: number,
  models: readonly Pick<ModelPredictions, "name" | "probabilities">[],
): Promise<void> {
  const line = (cells: readonly (string | number)[]): string => `${cells.map(csvCell).join(",")}\n`;
  return writeFileAtomic(path, async (file) => {
    await file.write(line([...columns, ...models].map(({ name }) => name)));
    for (let start = 0; start < count; start += blockRows) {
      const block = Array.from({ length: Math.min(blockRows, count - start) }, (_, i) =>
        line([
          ...columns.map(({ valueOf }) => valueOf(start + i)),
          ...models.map(({ probabilities }) => probabilities[start + i]!),
        ]),
      );
      await file.write(block.join(""));
    }
  });
}

async function toParquet(
  from: string,
  to: string,
  rowColumns: readonly RowColumn[],
  models: readonly Pick<ModelPredictions, "name">[],
): Promise<void> {
  // Told, not guessed: ids are text, however they look, and an empty one is no missing one.
  const types = [...rowColumns, ...models.map(({ name }) => ({ name, type: "FLOAT" }))];
  const columns = types.map(({ name, type }) => `${literal(name)}: ${literal(type)}`);
  const instance = await DuckDBInstance.create(":memory:", { threads: "1", memory_limit: "500MB" });
  try {
    const connection = await instance.connect();
    try {
      const read = `read_csv(${literal(from)}, columns = {${columns.join(", ")}}, header = true, auto_detect = false, delim = ',', quote = '"', escape = '"', nullstr = '\u0001', parallel = false)`;
      await connection.run(
        `COPY (SELECT * FROM ${read}) TO ${literal(to)} (FORMAT parquet, COMPRESSION zstd)`,
      );
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

/** A string literal of SQL. */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
