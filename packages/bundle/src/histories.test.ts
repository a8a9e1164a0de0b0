import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "@corella/modality";
import { expect, test } from "vitest";
import { readHistories, writeHistories } from "./histories.ts";

test("a known user's latest events come back, oldest first, with the ratings that were meant", async () => {
  const log = createLog({
    user: Int32Array.of(0, 1, 0, 0),
    item: Int32Array.of(0, 1, 1, 0),
    rating: Float32Array.of(1, 2, 4.1, 3),
    time: Float64Array.of(10, 20, 30, 40),
    label: Uint8Array.of(0, 0, 1, 0),
    users: { ids: ["ann", "bob"], activeCount: 2, attributes: [{ age: 30 }, {}] },
    items: { ids: ["x", "y"], activeCount: 2, attributes: [{}, {}] },
    history: { maxLength: 5, ties: "exclude" },
    likedThreshold: 4,
  });
  const folder = await mkdtemp(join(tmpdir(), "corella-"));
  await writeHistories(folder, log, 2, undefined);
  const histories = await readHistories(folder);
  expect(histories.of("ann")).toEqual([
    { item: "y", rating: 4.1, time: 30 },
    { item: "x", rating: 3, time: 40 },
  ]);
  expect(histories.of("bob")).toEqual([{ item: "y", rating: 2, time: 20 }]);
  expect(histories.latest).toBe(40);
  expect(histories.has("eve")).toBe(false);
  expect(histories.of("eve")).toEqual([]);
  expect(histories.attributesOf("ann")).toEqual({ age: 30 });
});
