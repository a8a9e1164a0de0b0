import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";

/** A connection to a database of its own. */
export interface Database {
  readonly connection: DuckDBConnection;
  close(): void;
}

/** Opens an in-memory database of one thread, so that rows keep their order and files their bytes. */
export async function openDatabase(): Promise<Database> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1", memory_limit: "1GB" });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return {
    connection,
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** Does some work with a database of its own. */
export async function withDatabase<Result>(
  work: (connection: DuckDBConnection) => Promise<Result>,
): Promise<Result> {
  const { connection, close } = await openDatabase();
  try {
    return await work(connection);
  } finally {
    close();
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
