import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { saveTinyBundle } from "@corella/bundle/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { endAll, ready, score, send, start } from "../served-process.test-helper.ts";

const noRedis = spawnSync("redis-server", ["--version"]).status !== 0;

describe.skipIf(noRedis)("two servers on one Redis (needs redis-server)", () => {
  let folder: string;
  let redis: ChildProcess;
  let place: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "corella-two-"));
    const socket = join(folder, "redis.sock");
    const durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
    redis = spawn("redis-server", ["--port", "0", "--unixsocket", socket, "--dir", folder, ...durable], {
      stdio: "ignore",
    });
    while (!existsSync(socket)) await sleep(20);
    place = `redis://${socket}`;
    await saveTinyBundle(join(folder, "bundle"));
  });
  afterEach(endAll);
  afterAll(async () => {
    const ended = once(redis, "exit");
    redis.kill();
    await ended;
    await rm(folder, { recursive: true });
  });

  test(
    "an event that is sent to one counts at the other, and both answer on while the store is gone",
    { timeout: 240_000 },
    async () => {
      const options = ["--bundle", join(folder, "bundle"), "--port", "0", "--store", place, "--threads", "1"];
      const servings = [start(...options), start(...options)];
      const [one, other] = (await Promise.all(servings.map(ready))) as [string, string];
      const samples = [{ user: "user-3", item: "item-4" }];
      const pCrmOf = async (url: string): Promise<number> =>
        (await score(url, { samples })).predictions[0]!.pCrm!;
      const before = await pCrmOf(other);
      expect(await pCrmOf(one)).toBe(before);
      const event = { id: "click", user: "user-3", item: "item-7", rating: 5 };
      expect(await send(`${one}/v1/events`, event)).toEqual({ added: 1, repeated: 0 });
      expect(await pCrmOf(other)).not.toBe(before);
      expect(await pCrmOf(other)).toBe(await pCrmOf(one));
      // Sent again to the other, as after an answer that was lost.
      expect(await send(`${other}/v1/events`, event)).toEqual({ added: 0, repeated: 1 });

      expect((await fetch(`${one}/health/ready`)).status).toBe(200);
      redis.kill("SIGSTOP");
      expect((await score(one, { samples })).predictions[0]).toHaveProperty("storeDown");
      expect((await fetch(`${one}/health/ready`)).status).toBe(200);
      redis.kill("SIGCONT");
      const isBack = async (): Promise<boolean> =>
        !("storeDown" in (await score(one, { samples })).predictions[0]!);
      await expect.poll(isBack, { timeout: 10_000 }).toBe(true);
      for (const { child } of servings) child.kill("SIGTERM");
      expect(await Promise.all(servings.map(({ ended }) => ended))).toEqual([0, 0]);
    },
  );
});
