import { stat } from "node:fs/promises";
import { CorellaError } from "@corella/errors";
import { hashFile } from "@corella/files";
import type { Columns } from "../columns.ts";
import type { Shard } from "../plan-format.ts";
import { csvRanges, csvRows } from "./csv.ts";
import { describeParquet, parquetRows } from "./parquet.ts";
import type { InputRow } from "./row.ts";

/** A file that is to be scored. */
export interface DescribedInput {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly rows: number;
  /** Of its columns. */
  readonly names: readonly string[];
  /** All its rows, in ranges. */
  readonly ranges: readonly Omit<Shard, "input">[];
}

/**
 * Reads a .parquet or .csv file (comma, semicolon, tab or bar between the fields, by its first line) once.
 * @throws CorellaError `batch/input`
 */
export async function describeInput(path: string, shardRows: number): Promise<DescribedInput> {
  await stat(path).catch((cause: unknown) => {
    throw new CorellaError({
      code: "batch/input",
      message: "There is no such file.",
      place: path,
      remedy: "Name a .parquet or .csv file.",
      cause,
    });
  });
  const { names, rows, ranges } = isParquet(path)
    ? await describeParquet(path, shardRows)
    : await csvRanges(path, shardRows);
  return { path, ...(await hashFile(path)), rows, names, ranges };
}

/**
 * The rows of a shard, in blocks of at most 2,048.
 * @throws CorellaError `batch/other-input` when the file has another size than when it was planned, `batch/input`
 */
export async function* rowsOfShard(
  input: { readonly path: string; readonly bytes: number },
  shard: Shard,
  columns: Columns,
): AsyncGenerator<InputRow[]> {
  const size = await stat(input.path).then(
    (found) => found.size,
    () => undefined,
  );
  if (size !== input.bytes) throw otherInput(input.path, size === undefined);
  yield* isParquet(input.path)
    ? parquetRows(input.path, shard, columns)
    : csvRows(input.path, shard, columns);
}

/** The error of a file that is another one, or not there, since the plan was made. */
export function otherInput(path: string, missing = false): CorellaError {
  return new CorellaError({
    code: "batch/other-input",
    message: missing ? "The file is not there." : "The file is another one than when the plan was made.",
    place: path,
    remedy:
      "Paths of a plan start at the working directory. Put the old file there, or make a new plan in another folder.",
  });
}

function isParquet(path: string): boolean {
  const kind = /\.(parquet|csv|tsv)$/i.exec(path)?.[1]?.toLowerCase();
  if (kind !== undefined) return kind === "parquet";
  throw new CorellaError({
    code: "batch/input",
    message: "Rows are read from .parquet and .csv files.",
    place: path,
    remedy: "Name a file that ends so; unpack one that is compressed.",
  });
}
