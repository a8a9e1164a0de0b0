import { CorellaError } from "@corella/errors";
import { type Database, openDatabase, sqliteError } from "./database.ts";

/** Marks files of ours in their header: "crla". */
const applicationId = 0x63726c61;
/** Of the tables below. */
const schemaVersion = 1;

const tables = `
  -- The newest events of all, in the order in which they came.
  CREATE TABLE log (
    position INTEGER PRIMARY KEY,
    user TEXT NOT NULL,
    id TEXT NOT NULL,
    item TEXT NOT NULL,
    rating REAL NOT NULL,
    label INTEGER,
    time REAL NOT NULL,
    context TEXT,
    user_attributes TEXT,
    item_attributes TEXT,
    UNIQUE (user, id)
  ) STRICT;
  -- The newest events of each user, in the order of histories.
  CREATE TABLE histories (
    user TEXT NOT NULL,
    time REAL NOT NULL,
    tie TEXT NOT NULL,
    position INTEGER NOT NULL,
    item TEXT NOT NULL,
    rating REAL NOT NULL,
    PRIMARY KEY (user, time, tie, position)
  ) STRICT, WITHOUT ROWID;
  -- Events of a user: all that there were, and those in histories.
  CREATE TABLE users (
    user TEXT PRIMARY KEY,
    total INTEGER NOT NULL,
    kept INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE items (
    item TEXT PRIMARY KEY,
    attributes TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE bundles (
    bundle TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    until REAL NOT NULL,
    snapshot INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE snapshots (
    bundle TEXT NOT NULL,
    part INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (bundle, part)
  ) STRICT;
`;

/**
 * Opens a store's file to write, and makes its tables where it is new.
 * @throws CorellaError `store/open-failed`, `store/damaged`, `store/foreign`, `store/schema`, `store/busy`
 */
export async function openToWrite(path: string): Promise<Database> {
  const database = await openDatabase(path);
  try {
    const pragma = (name: string): unknown =>
      Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
    const isNew = (): boolean => pragma("schema_version") === 0;
    if (!isNew()) checkKind(path, Number(pragma("application_id")), Number(pragma("user_version")));
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    const check = pragma("quick_check(1)");
    if (check !== "ok") throw damaged(path, String(check));
    // Several processes may come at once: the first that has the lock makes the tables.
    database.exec("BEGIN IMMEDIATE");
    if (isNew())
      database.exec(
        `PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}; ${tables}`,
      );
    database.exec("COMMIT");
    checkKind(path, Number(pragma("application_id")), Number(pragma("user_version")));
    return database;
  } catch (error) {
    database.close();
    throw sqliteError(error, path);
  }
}

/**
 * Opens a store's file to read; it was opened to write before.
 * @throws CorellaError `store/open-failed`, `store/damaged`
 */
export async function openToRead(path: string): Promise<Database> {
  const database = await openDatabase(path);
  try {
    database.exec("PRAGMA query_only = ON");
    return database;
  } catch (error) {
    database.close();
    throw sqliteError(error, path);
  }
}

function checkKind(path: string, id: number, version: number): void {
  if (id !== applicationId) {
    throw new CorellaError({
      code: "store/foreign",
      message: "The file is a database of another program.",
      place: path,
      remedy: "Name another file: a store has one of its own.",
    });
  }
  if (version === schemaVersion) return;
  throw new CorellaError({
    code: "store/schema",
    message: `The store has schema version ${version}, this version of corella knows ${schemaVersion}.`,
    place: path,
    remedy: "Use the version of corella that wrote it, or name another file.",
  });
}

function damaged(path: string, finding: string): CorellaError {
  return new CorellaError({
    code: "store/damaged",
    message: `The store's file is damaged: ${finding}.`,
    place: path,
    remedy: "Restore it from a copy, or name another file.",
  });
}
