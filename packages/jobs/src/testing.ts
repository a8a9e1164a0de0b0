// For tests with a queue.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";

/** Why tests with a real server are skipped; undefined where it is installed. */
export function noRedis(): string | undefined {
  return spawnSync("redis-server", ["--version"]).status === 0
    ? undefined
    : "redis-server is not installed (Debian: apt-get install redis-server)";
}

/** A redis-server of its own in a folder of its own, on a Unix socket. */
export interface RedisServer {
  readonly url: string;
  /** Starts it, and waits until it answers. */
  start(): Promise<void>;
  /** Ends it: SIGKILL leaves it no time to write anything. */
  stop(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Ends it and removes its folder. */
  remove(): Promise<void>;
}

/** @param settings options of redis-server; by default it keeps nothing on disk, and loses its queues when it ends */
export async function redisServer(settings: readonly string[] = []): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "corella-queue-"));
  const socket = join(folder, "redis.sock");
  let server: ChildProcess | undefined;
  const stop = async (signal: "SIGTERM" | "SIGKILL"): Promise<void> => {
    const running = server;
    server = undefined;
    if (running === undefined) return;
    const ended = new Promise((resolve) => running.once("exit", resolve));
    running.kill(signal);
    await ended;
  };
  return {
    url: `redis://${socket}`,
    async start() {
      const own = ["--port", "0", "--unixsocket", socket, "--dir", folder, "--save", ""];
      server = spawn("redis-server", [...own, ...settings], { stdio: "ignore" });
      const client = new Redis({ path: socket, retryStrategy: () => 20, maxRetriesPerRequest: null });
      client.on("error", () => {});
      await client.ping();
      client.disconnect();
    },
    stop,
    async remove() {
      await stop("SIGTERM");
      await rm(folder, { recursive: true });
    },
  };
}
