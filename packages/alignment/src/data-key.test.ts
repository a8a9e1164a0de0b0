import { createLog, type InteractionLog } from "@corella/modality";
import { expect, test } from "vitest";
import { logHash } from "./data-key.ts";

const entities = { ids: ["a", "b"], activeCount: 2, attributes: [{}, {}] };
const log = createLog({
  user: Int32Array.of(0, 1),
  item: Int32Array.of(0, 1),
  rating: Float32Array.of(1, 5),
  time: Float64Array.of(1, 2),
  label: Uint8Array.of(0, 1),
  users: entities,
  items: entities,
  history: { maxLength: 5, ties: "order" },
  likedThreshold: 4,
});
const device = (codes: number[], values: string[]): Partial<InteractionLog> => ({
  context: [{ name: "device", values, codes: Int32Array.from(codes) }] as InteractionLog["context"],
});

test("a log is known by its parts, its context and what counts as liked, too", () => {
  const hashOf = (changes: Partial<InteractionLog>): string => logHash({ ...log, ...changes });
  const hashes = [
    hashOf({}),
    hashOf({ likedThreshold: 3 }),
    hashOf({ part: Uint8Array.of(0, 1) }),
    hashOf({ part: Uint8Array.of(0, 2) }),
    hashOf(device([0, 1], ["phone", "desk"])),
    hashOf(device([1, 0], ["phone", "desk"])),
    hashOf(device([0, 1], ["phone", "car"])),
  ];
  expect(new Set(hashes).size).toBe(hashes.length);
  expect(hashOf({})).toBe(hashes[0]);
});
