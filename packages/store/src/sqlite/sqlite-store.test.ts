import { cp, mkdtemp, open as openFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testStore } from "../contract.test-helper.ts";
import { event, randomEvents } from "../events.test-helper.ts";
import { openDatabase } from "./database.ts";
import { openSqliteStore } from "./sqlite-store.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-store-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("a store in a SQLite file", () => {
  let made = 0;
  const path = (): string => join(folder, `contract-${made}.db`);
  testStore(undefined, async () => ({
    open: (limits) => openSqliteStore(path(), limits),
    clear: async () => void (made += 1),
    remove: async () => {},
  }));
});

test("many calls that wait are written in few transactions, and the file says what is promised", async () => {
  const path = join(folder, "group.db");
  const store = await openSqliteStore(path);
  const reader = await openDatabase(path);
  const frames = (): number =>
    Number(Object.values(reader.prepare("PRAGMA wal_checkpoint(PASSIVE)").get()!)[1]);
  await store.append([event({ id: "first" })]);
  const one = frames();
  await Promise.all(randomEvents(200, 1).map((each) => store.append([each])));
  // A transaction of its own writes at least the page of the log, of its index, of the history and of the user.
  expect(frames() - one).toBeLessThan(200);
  expect(reader.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
  expect(reader.prepare("SELECT count(*) AS n FROM log").get()).toEqual({ n: 201 });
  reader.close();
  await store.close();
});

describe("a file that is no store is refused by name:", () => {
  const refused = async (path: string): Promise<unknown> =>
    openSqliteStore(path).then(
      async (store) => {
        await store.close();
        return undefined;
      },
      (error: unknown) => error,
    );

  test("one of another program, of another version, of no database, in no folder", async () => {
    const foreign = join(folder, "foreign.db");
    const other = await openDatabase(foreign);
    other.exec("CREATE TABLE notes (text TEXT)");
    other.close();
    expect(await refused(foreign)).toMatchObject({ code: "store/foreign", place: foreign });

    const newer = join(folder, "newer.db");
    await (await openSqliteStore(newer)).close();
    const database = await openDatabase(newer);
    database.exec("PRAGMA user_version = 2");
    database.close();
    expect(await refused(newer)).toMatchObject({ code: "store/schema", place: newer });

    const text = join(folder, "text.db");
    await writeFile(text, "user,item,rating\n".repeat(1000));
    expect(await refused(text)).toMatchObject({ code: "store/damaged", place: text });

    const nowhere = join(folder, "missing", "store.db");
    expect(await refused(nowhere)).toMatchObject({ code: "store/open-failed", place: nowhere });
  });

  test("one with a damaged page, wherever it lies, or cut off", async () => {
    const whole = join(folder, "whole.db");
    const store = await openSqliteStore(whole);
    await store.append(randomEvents(1000, 9));
    await store.close();
    const file = await openFile(whole);
    const { size } = await file.stat();
    await file.close();
    const pages = size / 4096;
    let found = 0;
    for (let page = 1; page < pages; page += Math.ceil(pages / 6)) {
      const path = join(folder, `damaged-${page}.db`);
      await cp(whole, path);
      const damaged = await openFile(path, "r+");
      await damaged.write(Buffer.alloc(4096, 0xa5), 0, 4096, page * 4096);
      await damaged.close();
      expect(await refused(path), `page ${page}`).toMatchObject({ code: "store/damaged", place: path });
      found += 1;
    }
    expect(found).toBeGreaterThan(3);
    const cut = join(folder, "cut.db");
    await cp(whole, cut);
    const short = await openFile(cut, "r+");
    await short.truncate(Math.floor(pages / 2) * 4096);
    await short.close();
    expect(await refused(cut)).toMatchObject({ code: "store/damaged", place: cut });
  });
});
