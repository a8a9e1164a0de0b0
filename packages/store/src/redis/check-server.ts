import { CorellaError } from "@corella/errors";
import type { Redis } from "ioredis";
import { knowsWaitAof } from "./wait-aof.ts";

/** Of the keys that a store has. */
const schemaVersion = "1";

/**
 * Checks that a server keeps what it acknowledges, and that its store is one that we know.
 * @returns whether the server acknowledges before its disk has what it was given, and each append has to wait for the disk by WAITAOF
 * @throws CorellaError `store/not-durable`, `store/evicting`, `store/schema`
 */
export async function checkServer(
  client: Redis,
  { place, schemaKey, durable }: { place: string; schemaKey: string; durable: boolean },
): Promise<{ readonly mustWait: boolean }> {
  const setting = async (name: string): Promise<string | undefined> => {
    const reply = (await client.config("GET", name).catch(() => [])) as string[];
    return reply[1];
  };
  let mustWait = false;
  if (durable) {
    const [appendOnly, sync] = [await setting("appendonly"), await setting("appendfsync")];
    mustWait = appendOnly === "yes" && sync !== "always" && (await knowsWaitAof(client));
    if (appendOnly !== "yes" || (sync !== "always" && !mustWait)) {
      const said =
        appendOnly === undefined
          ? "Redis does not tell whether it writes to its disk before it answers."
          : `Redis acknowledges what is not on its disk yet: appendonly ${appendOnly}, appendfsync ${sync}.`;
      throw new CorellaError({
        code: "store/not-durable",
        message: said,
        place,
        remedy:
          "Set appendonly yes, and appendfsync always or take a server that knows WAITAOF (Redis 7.2, Valkey); or open the store with durable: false and accept that a crash loses events.",
      });
    }
  }
  const [policy, most] = [await setting("maxmemory-policy"), await setting("maxmemory")];
  if (policy?.startsWith("allkeys") === true && most !== "0") {
    throw new CorellaError({
      code: "store/evicting",
      message: `Redis deletes what was written when its memory is full: maxmemory-policy ${policy}.`,
      place,
      remedy: "Set maxmemory-policy noeviction, or use a server that is no cache.",
    });
  }
  await client.setnx(schemaKey, schemaVersion);
  const found = await client.get(schemaKey);
  if (found === schemaVersion) return { mustWait };
  throw new CorellaError({
    code: "store/schema",
    message: `The store has schema version ${found}, this version of corella knows ${schemaVersion}.`,
    place,
    remedy: "Use the version of corella that wrote it, or another database of the server.",
  });
}
