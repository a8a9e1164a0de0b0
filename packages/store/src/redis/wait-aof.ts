import { CorellaError } from "@corella/errors";
import type { Redis } from "ioredis";

/** Longer than the second that Redis lets pass between two writes to its disk (`appendfsync everysec`), in milliseconds. */
const mostMs = 5000;

/** Waits until what a connection has written is on the server's disk. */
export interface DiskWait {
  /**
   * Resolves when all that the connection's earlier commands changed is on the disk.
   * @throws CorellaError `store/write-failed` where that takes too long: it is written, but may be lost if the server's machine fails now
   */
  onDisk(): Promise<void>;
}

/**
 * Whether a server knows WAITAOF (Redis from 7.2 on, Valkey), which answers after its disk has all that a connection wrote.
 */
export async function knowsWaitAof(client: Redis): Promise<boolean> {
  const [found] = (await client.call("COMMAND", "INFO", "WAITAOF").catch(() => [])) as unknown[];
  return Array.isArray(found) && found.length > 0;
}

/**
 * Waits by WAITAOF. The server does nothing else on a connection that waits, so this one must only append; what was appended together
 * is waited for together.
 */
export function createDiskWait(client: Redis, place: string): DiskWait {
  let next: Promise<void> | undefined;
  const wait = async (): Promise<void> => {
    // Replies that came together have been read by then.
    await new Promise((resolve) => setImmediate(resolve));
    next = undefined;
    const [onDisk] = (await client.call("WAITAOF", "1", "0", String(mostMs))) as [number, number];
    if (onDisk >= 1) return;
    throw new CorellaError({
      code: "store/write-failed",
      message: `Redis has not written to its disk within ${mostMs / 1000} seconds.`,
      place,
      remedy: "Check the server's disk, then append the same events again.",
    });
  };
  return { onDisk: () => (next ??= wait()) };
}
