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

/**
 * Writes what each model says of rows, a line each in the order of the log: user, item, time (seconds), rating, label, and
 * P(label = 1) under the name of each model. The folder must exist.
 * @throws CorellaError `evaluate/predictions`, `file/write-failed`
 */
export async function writePredictions(
  path: string,
  log: InteractionLog,
  rows: Uint32Array,
  models: readonly Pick<ModelPredictions, "name" | "probabilities">[],
): Promise<void> {
  requirePredictionsFile(path);
  if (extname(path).toLowerCase() === ".csv") return writeCsv(path, log, rows, models);
  const text = `${path}.${process.pid}.tmp.csv`;
  const binary = `${path}.${process.pid}.tmp`;
  try {
    await writeCsv(text, log, rows, models);
    await toParquet(text, binary, models);
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

const rowColumns = { user: "VARCHAR", item: "VARCHAR", time: "DOUBLE", rating: "DOUBLE", label: "TINYINT" };

function writeCsv(
  path: string,
  log: InteractionLog,
  rows: Uint32Array,
  models: readonly Pick<ModelPredictions, "name" | "probabilities">[],
): Promise<void> {
  const line = (cells: readonly (string | number)[]): string => `${cells.map(csvCell).join(",")}\n`;
  return writeFileAtomic(path, async (file) => {
    await file.write(line([...Object.keys(rowColumns), ...models.map(({ name }) => name)]));
    for (let start = 0; start < rows.length; start += blockRows) {
      const block = Array.from(rows.subarray(start, start + blockRows), (row, i) =>
        line([
          log.users.ids[log.user[row]!]!,
          log.items.ids[log.item[row]!]!,
          log.time[row]!,
          decimalRating(log.rating[row]!),
          log.label[row]!,
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
  models: readonly Pick<ModelPredictions, "name">[],
): Promise<void> {
  // Told, not guessed: ids are text, however they look, and an empty one is no missing one.
  const types = { ...rowColumns, ...Object.fromEntries(models.map(({ name }) => [name, "FLOAT"])) };
  const columns = Object.entries(types).map(([name, type]) => `${literal(name)}: ${literal(type)}`);
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
