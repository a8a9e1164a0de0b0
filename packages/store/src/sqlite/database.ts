import { CorellaError, type PlainError } from "@corella/errors";

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

/** SQLite's result codes that a user can do something about; messages without the full stop. */
const known: Readonly<Record<number, PlainError>> = {
  5: {
    code: "store/busy",
    message: "Another process has locked the store for too long",
    remedy: "Find the process that holds a lock.",
  },
  8: {
    code: "store/write-failed",
    message: "The store may not be written",
    remedy: "Check the permissions of file and folder.",
  },
  10: {
    code: "store/write-failed",
    message: "The disk refuses",
    remedy: "Check the disk, then append again.",
  },
  11: {
    code: "store/damaged",
    message: "The store's file is damaged",
    remedy: "Restore it from a copy, or name another file.",
  },
  13: {
    code: "store/write-failed",
    message: "The disk is full",
    remedy: "Free some disk space, then append again.",
  },
  14: {
    code: "store/open-failed",
    message: "The store's file cannot be opened",
    remedy: "Check that its folder exists and may be written.",
  },
  26: {
    code: "store/damaged",
    message: "The file is no SQLite database",
    remedy: "Restore it from a copy, or name another file.",
  },
};

/** SQLite's error as one of ours; any other comes back as it is. */
export function sqliteError(error: unknown, path: string): unknown {
  const result = error instanceof Error && "errcode" in error ? Number(error.errcode) : undefined;
  const explained = result === undefined ? undefined : known[result & 0xff]; // the rest is detail
  if (explained === undefined) return error;
  const { code, message, remedy } = explained;
  return new CorellaError({
    code,
    message: `${message}: ${(error as Error).message}.`,
    place: path,
    remedy,
    cause: error,
  });
}
