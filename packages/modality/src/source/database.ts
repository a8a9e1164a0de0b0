import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs `work` with an in-memory DuckDB of two threads and bounded memory, which spills into a scratch folder. */
export async function withDatabase<Result>(
  work: (connection: DuckDBConnection, scratchFolder: string) => Promise<Result>,
): Promise<Result> {
  const scratchFolder = await mkdtemp(join(tmpdir(), "corella-data-"));
  try {
    const instance = await DuckDBInstance.create(":memory:", {
      threads: "2",
      memory_limit: "1GB",
      temp_directory: join(scratchFolder, "spill"),
    });
    try {
      const connection = await instance.connect();
      try {
        await connection.run("SET TimeZone = 'UTC'"); // of times that do not tell theirs
        return await work(connection, scratchFolder);
      } finally {
        connection.closeSync();
      }
    } finally {
      instance.closeSync();
    }
  } finally {
    await rm(scratchFolder, { recursive: true, force: true });
  }
}

/** A string literal of SQL. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A quoted name of SQL. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
