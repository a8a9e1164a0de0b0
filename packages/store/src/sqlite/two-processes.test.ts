import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { event } from "../events.test-helper.ts";
import { openDatabase } from "./database.ts";
import { openSqliteStore } from "./sqlite-store.ts";

let folder = "";
const running = new Set<ChildProcess>();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-two-"));
});
afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
});
afterAll(() => rm(folder, { recursive: true }));

test("two processes write one file at once, each waits for the other, and a third reads what both have acknowledged", async () => {
  const path = join(folder, "shared.db");
  const reader = await openSqliteStore(path);
  const child = join(import.meta.dirname, "../kill-child.test-helper.ts");
  const acknowledgedBy = async (name: string): Promise<string[]> => {
    const text = await readFile(join(folder, name), "utf8").catch(() => "");
    return text.split("\n").slice(0, -1); // the last may be half written
  };
  for (const name of ["one", "two"])
    running.add(
      spawn(
        process.execPath,
        ["--conditions=source", "--import", "tsx", child, path, name, join(folder, name)],
        { stdio: "ignore" },
      ),
    );
  let head = 0;
  for (;;) {
    const [one, two] = [await acknowledgedBy("one"), await acknowledgedBy("two")];
    const { position } = await reader.append([event({ id: `third-${head}` })]);
    expect(position).toBeGreaterThan(head);
    head = position;
    if (one.length > 300 && two.length > 300) break;
    expect([...running].map(({ exitCode }) => exitCode)).toEqual([null, null]);
    await pause(5);
  }
  const ended = [...running].map((each) => new Promise((resolve) => each.once("exit", resolve)));
  for (const each of running) each.kill("SIGKILL");
  await Promise.all(ended);
  const found: string[] = [];
  for (let position = 0; ;) {
    const events = await reader.eventsAfter(position, 1000);
    if (events.length === 0) break;
    expect(events.map((each) => each.position)).toEqual(events.map((_, i) => position + i + 1));
    found.push(...events.map(({ id }) => id));
    position = events.at(-1)!.position;
  }
  const ids = new Set(found);
  expect(ids.size).toBe(found.length);
  for (const name of ["one", "two"])
    expect((await acknowledgedBy(name)).filter((id) => !ids.has(id))).toEqual([]);
  await reader.close();
}, 60_000);

test("a call waits while another process holds the file, and is told when that takes more than five seconds", async () => {
  const path = join(folder, "held.db");
  const store = await openSqliteStore(path);
  const other = await openDatabase(path);
  other.exec("BEGIN IMMEDIATE");
  const waiting = store.append([event({ id: "a" })]);
  await pause(500);
  // Reads do not wait for it.
  expect(await store.eventsAfter(0, 5)).toEqual([]);
  other.exec("COMMIT");
  expect(await waiting).toMatchObject({ added: 1 });
  other.exec("BEGIN IMMEDIATE");
  await expect(store.append([event({ id: "b" })])).rejects.toMatchObject({ code: "store/busy", place: path });
  other.exec("ROLLBACK");
  expect(await store.append([event({ id: "b" })])).toMatchObject({ added: 1 });
  other.close();
  await store.close();
}, 30_000);
