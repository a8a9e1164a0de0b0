import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { bullmq, work, type Engine } from "./index.ts";
import { noRedis, redisServer, type RedisServer } from "./testing.ts";
import { programs, Units } from "./units.test-helper.ts";

const workerProgram = fileURLToPath(new URL("worker-process.test-helper.ts", import.meta.url));

function startWorker(url: string): ChildProcess {
  return spawn(process.execPath, ["--conditions=source", "--import", "tsx", workerProgram, url], {
    stdio: "inherit",
  });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const absent = noRedis();
describe.skipIf(absent !== undefined)(`on a Redis queue${absent === undefined ? "" : ` (${absent})`}`, () => {
  let server: RedisServer;
  let engine: Engine;
  let units: Units;
  let noWorker: () => void;
  const told = new Promise<void>((resolve) => (noWorker = resolve));
  beforeAll(async () => {
    server = await redisServer();
    await server.start();
  });
  beforeEach(async () => {
    units = new Units();
    engine = await bullmq({ url: server.url, retryDelayMs: 1, onNoWorker: () => noWorker() });
  });
  afterEach(() => engine.close());
  afterAll(() => server.remove());

  test("units of a killed worker end once on another; of an ended one too; those of a lost queue are put there again", async () => {
    const gate = join(units.folder, "open");
    const unit = units.unit("a", `gate=${gate}`);
    const result = engine.run(unit);
    await told;
    const killed = startWorker(server.url);
    await vi.waitFor(() => expect(units.attempts("a")).toHaveLength(1), 20_000);
    killed.kill("SIGKILL");
    await once(killed, "exit");
    // The unit's process does not go on beside the next attempt.
    await vi.waitFor(() => expect(isAlive(units.attempts("a")[0]!)).toBe(false), 5000);

    const ended = startWorker(server.url);
    await vi.waitFor(() => expect(units.attempts("a")).toHaveLength(2), 20_000);
    ended.kill("SIGTERM");
    expect(await once(ended, "exit")).toEqual([0, null]);
    expect(isAlive(units.attempts("a")[1]!)).toBe(false);

    const abort = new AbortController();
    const last = work({ url: server.url, slots: 2, programs, signal: abort.signal, lockMs: 1000 });
    await vi.waitFor(() => expect(units.attempts("a")).toHaveLength(3), 20_000);
    // A server that keeps nothing.
    await server.stop("SIGKILL");
    await server.start();
    writeFileSync(gate, "");
    await result;
    expect(units.isDone("a")).toBe(true);

    // Whoever asks again after the end gets it done again; several who ask at once get one run.
    const before = units.attempts("a").length;
    await Promise.all([engine.run(unit), engine.run(unit)]);
    expect(units.attempts("a")).toHaveLength(before + 1);
    await vi.waitFor(() => expect(engine.slots).toBe(2), 10_000);

    // One that died is tried again; one that failed says why, and so does what is not listed.
    await engine.run(units.unit("dies", "die-until=2"));
    expect(units.attempts("dies")).toHaveLength(2);
    await expect(engine.run(units.unit("wrong", "fail=bad input"))).rejects.toMatchObject({
      code: "jobs/unit-failed",
      message: expect.stringContaining("bad input"),
    });
    expect(units.attempts("wrong")).toHaveLength(1);
    await expect(engine.run({ id: "sh", command: ["sh", "-c", "true"] })).rejects.toMatchObject({
      message: expect.stringContaining("may run test unit, and nothing else"),
    });
    abort.abort();
    await last;
  });
});

test("an address where no queue can be is told, without its password", async () => {
  await expect(bullmq({ url: "redis://:secret@127.0.0.1:1" })).rejects.toMatchObject({
    code: "jobs/no-redis",
    place: "redis://127.0.0.1:1",
  });
  await expect(bullmq({ url: "http://a" })).rejects.toMatchObject({ code: "jobs/url" });
});
