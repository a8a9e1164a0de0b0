import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openServedState, openStore } from "@corella/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, post, servedBundle, world } from "../world.test-helper.ts";
import { createStoreHealth } from "./store-health.ts";

const missing =
  spawnSync("redis-server", ["--version"]).status === 0
    ? undefined
    : "redis-server is not installed (Debian: apt-get install redis-server)";

let folder = "";
let redis: ChildProcess | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-redis-down-"));
});
afterAll(async () => {
  redis?.kill("SIGKILL");
  await rm(folder, { recursive: true });
});

/** Starts a Redis server, and waits until it takes connections. */
async function startRedis(socket: string): Promise<void> {
  const settings = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
  redis = spawn("redis-server", ["--port", "0", "--unixsocket", socket, "--dir", folder, ...settings], {
    stdio: "ignore",
  });
  const takesConnections = (): Promise<boolean> =>
    new Promise((resolve) => {
      const probe = connect(socket, () => {
        probe.destroy();
        resolve(true);
      }).on("error", () => resolve(false));
    });
  await expect.poll(takesConnections, { timeout: 10_000 }).toBe(true);
}

test("scores go on while a Redis server is stopped in its tracks, and while it is killed, and know its events again after", async ({
  skip,
}) => {
  if (missing !== undefined) skip(missing);
  const socket = join(folder, "redis.sock");
  await startRedis(socket);
  const store = await openStore(`redis://${socket}`);
  const state = await openServedState(store, servedBundle);
  const lines: string[] = [];
  const health = createStoreHealth((line) => lines.push(line), { answerMs: 300, retryMs: 300 });
  const { app, toCrm } = world({ events: { state, historyLength: 5, ties: "exclude", health } });
  const send = (id: string): Promise<[number, Answer]> =>
    post(app, { id, user: "ann", item: "2", rating: 5, time: 300 }, undefined, "/v1/events");
  const score = async (): Promise<{ storeDown: unknown; ratings: number[] }> => {
    const [status, answer] = await post(app, { user: "ann", item: "2" });
    expect(status).toBe(200);
    return { storeDown: answer.storeDown, ratings: toCrm.at(-1)![0]!.history.map(({ rating }) => rating) };
  };
  const down = { storeDown: true, ratings: [4, 3] };
  const up = (...ratings: number[]): object => ({ storeDown: undefined, ratings: [4, 3, ...ratings] });
  expect((await send("a"))[0]).toBe(200);
  expect(await score()).toEqual(up(5));

  redis!.kill("SIGSTOP");
  const startedMs = performance.now();
  for (let i = 0; i < 10; i++) expect(await score()).toEqual(down);
  expect(performance.now() - startedMs).toBeLessThan(5000); // and not ten times the wait of the client, ten seconds
  redis!.kill("SIGCONT");
  await expect.poll(score, { timeout: 20_000, interval: 100 }).toEqual(up(5));

  const ended = new Promise((resolve) => redis!.once("exit", resolve));
  redis!.kill("SIGKILL");
  await ended;
  for (let i = 0; i < 5; i++) expect(await score()).toEqual(down);
  const [status, { code }] = await send("b");
  expect([status, code]).toEqual([503, "serve/store-down"]);
  await startRedis(socket);
  await expect.poll(score, { timeout: 20_000, interval: 100 }).toEqual(up(5));
  expect((await send("b"))[1]).toEqual({ added: 1, repeated: 0 });
  expect(await score()).toEqual(up(5, 5));
  // Twice within a minute is told once.
  expect(lines).toEqual([expect.stringContaining("does not answer"), "the store of events answers again"]);
  await state.close();
  await store.close();
}, 60_000);
