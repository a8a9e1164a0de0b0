import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EventStore } from "./event-store.ts";
import { chance, event } from "./events.test-helper.ts";
import { openStore } from "./open-store.ts";
import { noRedis, redisServer } from "./redis/redis-server.test-helper.ts";
import { writeUntilItFails } from "./write-until.test-helper.ts";

/** A hundred and more are run by hand: CORELLA_KILL_ROUNDS=100. */
const rounds = Number(process.env.CORELLA_KILL_ROUNDS ?? 3);
const timeoutMs = 60_000 + 30_000 * rounds;
const random = chance(11);

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-kill-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** All that was acknowledged is there once, histories know of what is in the log, and what is sent again changes nothing. */
async function expectWhole(store: EventStore, acknowledged: readonly string[]): Promise<number> {
  const found: string[] = [];
  const byUser = new Map<string, number>();
  for (let position = 0; ;) {
    const events = await store.eventsAfter(position, 1000);
    if (events.length === 0) break;
    for (const { id, user } of events) {
      found.push(id);
      byUser.set(user, (byUser.get(user) ?? 0) + 1);
    }
    expect(events.map((one) => one.position)).toEqual(events.map((_, i) => position + i + 1));
    position = events.at(-1)!.position;
  }
  const ids = new Set(found);
  expect(ids.size).toBe(found.length);
  expect(acknowledged.filter((id) => !ids.has(id))).toEqual([]);
  for (const [user, count] of byUser) {
    const { events, earlier } = await store.history(user, 1000);
    expect(events.length + earlier, user).toBe(count);
  }
  const again = acknowledged.slice(-100).map((id) => {
    const number = Number(id.split("-")[1]);
    return event({ id, user: `u${number % 5}`, time: 1000 + number });
  });
  expect(await store.append(again)).toMatchObject({ added: 0, repeated: again.length });
  return found.length;
}

test(
  `a process that is killed ${rounds} times while it writes has lost and doubled nothing that it acknowledged`,
  { timeout: timeoutMs },
  async () => {
    const path = join(folder, "killed.db");
    const file = join(folder, "acknowledged");
    const child = join(import.meta.dirname, "kill-child.test-helper.ts");
    const start = (round: number): ChildProcess =>
      spawn(process.execPath, ["--conditions=source", "--import", "tsx", child, path, `r${round}`, file], {
        stdio: "ignore",
      });
    const size = (): Promise<number> =>
      stat(file).then(
        (found) => found.size,
        () => 0,
      );
    for (let round = 1; round <= rounds; round++) {
      const before = await size();
      const running = start(round);
      const gone = new Promise<string | null>((resolve) =>
        running.once("exit", (_, signal) => resolve(signal)),
      );
      while (running.exitCode === null && (await size()) === before) await pause(2);
      await pause(random() * 60);
      running.kill("SIGKILL");
      expect(await gone).toBe("SIGKILL");
      const store = await openStore(path);
      const acknowledged = (await readFile(file, "utf8")).trim().split("\n");
      await expectWhole(store, acknowledged);
      await store.close();
    }
  },
);

test(
  `a Redis server that is killed ${rounds} times while it writes has lost and doubled nothing that it acknowledged`,
  { timeout: timeoutMs },
  async ({ skip }) => {
    if (noRedis !== undefined) skip(noRedis);
    const server = await redisServer();
    await server.start();
    const acknowledged: string[] = [];
    for (let round = 1; round <= rounds; round++) {
      const store = await openStore(server.url);
      const before = acknowledged.length;
      const writing = writeUntilItFails(store, `r${round}`, (ids) => acknowledged.push(...ids));
      while (acknowledged.length === before) await pause(1);
      await pause(random() * 60);
      await server.stop("SIGKILL");
      await writing;
      await store.close();
      await server.start();
      const reopened = await openStore(server.url);
      await expectWhole(reopened, acknowledged);
      await reopened.close();
    }
    await server.remove();
  },
);
