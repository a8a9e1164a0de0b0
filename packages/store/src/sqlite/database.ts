import { CorellaError } from "@corella/errors";

/** The part of SQLite's interface, Node's own or its copy for Node 20, that is used here. */
export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/** A prepared statement. */
export interface Statement {
  run(...values: readonly SqlValue[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  get(...values: readonly SqlValue[]): Row | undefined;
  all(...values: readonly SqlValue[]): Row[];
}

/** What goes in and out of a table. */
export type SqlValue = string | number | null | Uint8Array;

/** A row by column. */
export type Row = Record<string, SqlValue>;

interface SqliteModule {
  readonly DatabaseSync: new (path: string, options: { timeout: number }) => Database;
}

/** Wait for a lock that another process holds. */
const busyMs = 5000;

/**
 * Opens a database file, by Node's own SQLite where this Node has one.
 * @throws CorellaError `store/open-failed`, `store/damaged`
 */
export async function openDatabase(path: string): Promise<Database> {
  const { getBuiltinModule } = process as { getBuiltinModule?: (name: string) => SqliteModule | undefined };
  const { DatabaseSync } = getBuiltinModule?.("node:sqlite") ?? (await import("@photostructure/sqlite"));
  try {
    return new (DatabaseSync as SqliteModule["DatabaseSync"])(path, { timeout: busyMs });
  } catch (error) {
    throw sqliteError(error, path);
  }
}

/** SQLite's result codes that a user can do something about. */
const known: Readonly<Record<number, readonly [code: string, message: string, remedy: string]>> = {
  5: ["busy", "Another process has locked the store for too long", "Find the process that holds a lock."],
  8: ["write-failed", "The store may not be written", "Check the permissions of file and folder."],
  10: ["write-failed", "The disk refuses", "Check the disk, then append again."],
  11: ["damaged", "The store's file is damaged", "Restore it from a copy, or name another file."],
  13: ["write-failed", "The disk is full", "Free some disk space, then append again."],
  14: [
    "open-failed",
    "The store's file cannot be opened",
    "Check that its folder exists and may be written.",
  ],
  26: ["damaged", "The file is no SQLite database", "Restore it from a copy, or name another file."],
};

/** SQLite's error as one of ours; any other comes back as it is. */
export function sqliteError(error: unknown, path: string): unknown {
  const code = error instanceof Error && "errcode" in error ? Number(error.errcode) : undefined;
  const explained = code === undefined ? undefined : known[code & 0xff]; // the rest is detail
  if (explained === undefined) return error;
  const [kind, message, remedy] = explained;
  return new CorellaError({
    code: `store/${kind}`,
    message: `${message}: ${(error as Error).message}.`,
    place: path,
    remedy,
    cause: error,
  });
}
