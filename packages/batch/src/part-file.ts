import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Prediction } from "@corella/bundle";
import { DOUBLE, DuckDBDataChunk, FLOAT, INTEGER, VARCHAR, type DuckDBValue } from "@duckdb/node-api";
import { identifier, literal, openDatabase } from "./database.ts";
import type { InputRow } from "./input/row.ts";
import { outputSchema } from "./plan-format.ts";

/** What DuckDB takes at once. */
const chunkRows = 2048;
/** How the columns are handed over; `row` as a number that is exact up to 2^53. */
const types = [INTEGER, DOUBLE, VARCHAR, VARCHAR, DOUBLE, FLOAT, VARCHAR, FLOAT, FLOAT, FLOAT, VARCHAR];

/** Collects the rows of a part, in their order, and gives it as the bytes of a Parquet file: the same rows, the same bytes. */
export interface PartFile {
  /** @param answers undefined of a row without one */
  add(input: number, rows: readonly InputRow[], answers: readonly (Prediction | undefined)[]): void;
  finish(): Promise<Uint8Array>;
  close(): void;
}

/** Opens an empty part, which is kept in memory. */
export async function openPartFile(): Promise<PartFile> {
  const { connection, close } = await openDatabase();
  const kinds = ["INTEGER", "DOUBLE", ...outputSchema.slice(2).map(([, type]) => type)];
  await connection.run(
    `CREATE TABLE part (${outputSchema.map(([name], i) => `${identifier(name)} ${kinds[i]}`).join(", ")})`,
  );
  const appender = await connection.createAppender("part");
  return {
    add(input, rows, answers) {
      for (let start = 0; start < rows.length; start += chunkRows) {
        const some = rows.slice(start, start + chunkRows);
        const chunk = DuckDBDataChunk.create(types, some.length);
        const cells = some.map((row, i) => cellsOf(input, row, answers[start + i]));
        chunk.setColumns(types.map((_, column) => cells.map((row) => row[column]!)));
        appender.appendDataChunk(chunk);
      }
    },
    async finish() {
      appender.closeSync();
      const folder = await mkdtemp(join(tmpdir(), "corella-part-"));
      try {
        const file = join(folder, "part.parquet");
        const columns = outputSchema.map(
          ([name, type]) => `${identifier(name)}::${type} AS ${identifier(name)}`,
        );
        await connection.run(
          `COPY (SELECT ${columns.join(", ")} FROM part) TO ${literal(file)} (FORMAT parquet, COMPRESSION zstd)`,
        );
        return await readFile(file);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    close,
  };
}

function cellsOf(input: number, row: InputRow, answer: Prediction | undefined): DuckDBValue[] {
  return [
    input,
    row.row,
    row.user,
    row.item,
    row.time,
    answer?.probability ?? null,
    answer?.route ?? null,
    answer?.pCrm ?? null,
    answer?.pLlm ?? null,
    answer?.entropy ?? null,
    row.malformed ?? null,
  ];
}
