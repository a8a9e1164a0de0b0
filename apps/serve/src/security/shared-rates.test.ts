import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { world } from "../world.test-helper.ts";
import { createSecurity } from "./security.ts";

const missing =
  spawnSync("redis-server", ["--version"]).status === 0
    ? undefined
    : "redis-server is not installed (Debian: apt-get install redis-server)";

let folder = "";
let server: ChildProcess | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-rates-"));
});
afterAll(async () => {
  server?.kill();
  await rm(folder, { recursive: true });
});

test("two servers with one Redis server count a caller's requests together, and each for itself while that is gone", async ({
  skip,
}) => {
  if (missing !== undefined) skip(missing);
  const path = join(folder, "redis.sock");
  const start = async (): Promise<void> => {
    server = spawn("redis-server", ["--port", "0", "--unixsocket", path, "--save", "", "--dir", folder], {
      stdio: "ignore",
    });
    const client = new Redis({ path, maxRetriesPerRequest: null, retryStrategy: () => 20 });
    client.on("error", () => {});
    await client.ping();
    client.disconnect();
  };
  await start();
  const securities = [1, 2].map(() => createSecurity({ limit: { requests: 0.5 }, redis: `redis://${path}` }));
  const apps = securities.map((security) => world({ security }).app);
  const ask = async (which: number): Promise<number> =>
    (
      await apps[which]!.request("/v1/score", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"item":"1"}',
      })
    ).status;
  // Until both are connected each counts for itself.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const statuses: number[] = [];
  for (let i = 0; i < 8; i++) statuses.push(await ask(i % 2));
  expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429, 429]);

  const ended = new Promise((resolve) => server!.once("exit", resolve));
  server!.kill("SIGKILL");
  await ended;
  const alone: number[] = [];
  for (let i = 0; i < 6; i++) alone.push(await ask(0));
  expect(alone).toEqual([200, 200, 200, 200, 200, 429]);
  expect(await ask(1)).toBe(200);
  for (const security of securities) security.close();
}, 30_000);
