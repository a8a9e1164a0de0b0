import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { event } from "../events.test-helper.ts";
import { noRedis, redisServer, type TestServer } from "./redis-server.test-helper.ts";
import { openRedisStore } from "./redis-store.ts";

/**
 * Stands before a Redis server that does not know WAITAOF, and lets it know: commands about it go on as scripts that answer as Redis
 * 7.2 does. What Redis itself does then is not tested here.
 */
interface KnowingServer {
  readonly url: string;
  /** Every WAITAOF, and how many appends the connection had before it. */
  readonly waits: number[];
  /** What WAITAOF answers: as many disks have it; undefined: the connection is lost. */
  onDisk: number | undefined;
  close(): Promise<void>;
}

/** Complete commands at the beginning of what came, as Redis's protocol has them, and what is left. */
function commandsOf(bytes: Buffer): { commands: string[][]; rest: Buffer } {
  const commands: string[][] = [];
  let at = 0;
  for (;;) {
    let next = at;
    const line = (): string | undefined => {
      const end = bytes.indexOf("\r\n", next);
      if (end < 0) return undefined;
      const text = bytes.toString("latin1", next, end);
      next = end + 2;
      return text;
    };
    const count = line();
    if (count === undefined) return { commands, rest: bytes.subarray(at) };
    const words: string[] = [];
    for (let i = 0; i < Number(count.slice(1)); i++) {
      const length = Number(line()?.slice(1) ?? Number.NaN);
      if (!(next + length + 2 <= bytes.length)) return { commands, rest: bytes.subarray(at) };
      words.push(bytes.toString("latin1", next, next + length));
      next += length + 2;
    }
    commands.push(words);
    at = next;
  }
}

const encoded = (words: readonly string[]): Buffer =>
  Buffer.from(
    `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`,
    "latin1",
  );

async function knowing(server: TestServer, folder: string): Promise<KnowingServer> {
  const path = join(folder, "knowing.sock");
  const sockets = new Set<Socket>();
  const made: KnowingServer = {
    url: `redis://${path}`,
    waits: [],
    onDisk: 1,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
  const proxy: Server = createServer((client) => {
    const redis = connect(server.url.replace("redis://", ""));
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    redis.pipe(client);
    client.on("close", () => redis.destroy());
    let waiting: Buffer = Buffer.alloc(0);
    let appends = 0;
    client.on("data", (data: Buffer) => {
      const { commands, rest } = commandsOf(Buffer.concat([waiting, data]));
      waiting = rest;
      for (const words of commands) {
        const [name, about] = words.map((word) => word.toUpperCase());
        if (name === "EVALSHA" || name === "EVAL") appends += 1;
        if (name === "COMMAND" && about === "INFO")
          redis.write(encoded(["EVAL", "return {{'waitaof', 4}}", "0"]));
        else if (name === "WAITAOF") {
          made.waits.push(appends);
          appends = 0;
          if (made.onDisk === undefined) client.destroy();
          else redis.write(encoded(["EVAL", `return {${made.onDisk}, 0}`, "0"]));
        } else redis.write(encoded(words));
      }
    });
  });
  await new Promise<void>((resolve) => proxy.listen(path, resolve));
  return made;
}

describe("a server that writes to its disk once a second and knows WAITAOF", () => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  });

  test("acknowledges after its disk has the events, and one wait is for many calls", async ({ skip }) => {
    if (noRedis !== undefined) skip(noRedis);
    const folder = await mkdtemp(join(tmpdir(), "corella-aof-"));
    ends.push(() => rm(folder, { recursive: true }));
    const server = await redisServer(["--appendonly", "yes", "--appendfsync", "everysec"]);
    await server.start();
    ends.push(() => server.remove());
    const proxy = await knowing(server, folder);
    ends.push(() => proxy.close());
    const store = await openRedisStore(proxy.url);
    ends.push(() => store.close());
    expect(await store.append([event({ id: "a" })])).toMatchObject({ added: 1 });
    expect(proxy.waits).toHaveLength(1);
    await Promise.all(Array.from({ length: 100 }, (_, i) => store.append([event({ id: `b${i}` })])));
    expect(proxy.waits.length).toBeLessThan(30);
    expect(proxy.waits.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(101);
    expect((await store.history("ann", 5)).earlier).toBe(96);

    proxy.onDisk = 0;
    await expect(store.append([event({ id: "c" })])).rejects.toMatchObject({ code: "store/write-failed" });
    proxy.onDisk = 1;
    const before = proxy.waits.length;
    // It is there, and now on the disk as well.
    expect(await store.append([event({ id: "c" })])).toMatchObject({ repeated: 1 });
    expect(proxy.waits.length).toBe(before + 1);

    // A connection that is lost in between proves nothing: the next one has written nothing that it could wait for.
    proxy.onDisk = undefined;
    await expect(store.append([event({ id: "d" })])).rejects.toMatchObject({ code: "store/unavailable" });
    proxy.onDisk = 1;
    await expect
      .poll(() => store.append([event({ id: "d" })]).catch(() => undefined))
      .toMatchObject({ repeated: 1 });
    expect(proxy.waits.at(-1)).toBe(1);
  });
});
