import { createLog, type InteractionLog } from "@corella/modality";
import { expect, test, vi } from "vitest";
import { dataKey } from "./data-key.ts";
import { smallConfig } from "./recipes/small-run.test-helper.ts";

const remote = vi.hoisted(() => ({ log: undefined as unknown }));
vi.mock("@corella/modality", async (original) => ({
  ...(await original<object>()),
  // Of remote sources no folder is kept.
  prepareLog: () => Promise.resolve({ log: remote.log, folder: undefined, reused: false }),
}));

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

test("remote data are known by their parts, their context and what counts as liked, too", async () => {
  const keyOf = (changes: Partial<InteractionLog>): Promise<string> => {
    remote.log = { ...log, ...changes };
    return dataKey({ ...smallConfig, features: [] }, { baseFolder: ".", cacheFolder: "." });
  };
  const keys = [
    await keyOf({}),
    await keyOf({ likedThreshold: 3 }),
    await keyOf({ part: Uint8Array.of(0, 1) }),
    await keyOf({ part: Uint8Array.of(0, 2) }),
    await keyOf(device([0, 1], ["phone", "desk"])),
    await keyOf(device([1, 0], ["phone", "desk"])),
    await keyOf(device([0, 1], ["phone", "car"])),
  ];
  expect(new Set(keys).size).toBe(keys.length);
  expect(await keyOf({})).toBe(keys[0]);
});
