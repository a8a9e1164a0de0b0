import type { InteractionLog } from "@corella/modality";
import { createGenerator } from "@corella/random";
import fc from "fast-check";
import { expect, test } from "vitest";
import { rowsOfUsers } from "./scored-rows.ts";

test("random users come with all their rows, in order, until there are enough", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 80 }), fc.integer({ min: 1, max: 90 }), (count, size) => {
      const random = createGenerator(count, "log");
      const user = Int32Array.from({ length: count }, () => random.integer(6));
      const log = { user, users: { ids: ["a", "b", "c", "d", "e", "f"] } } as unknown as InteractionLog;
      // Of the log, as a split leaves it.
      const rows = Uint32Array.from({ length: count }, (_, row) => row).filter((row) => row % 3 > 0);
      const drawn = rowsOfUsers(log, rows, size, 1, "test");
      expect(drawn.length).toBeGreaterThanOrEqual(Math.min(size, rows.length));
      expect([...drawn]).toEqual([...drawn].toSorted((a, b) => a - b));
      const users = new Set(Array.from(drawn, (row) => user[row]!));
      expect([...drawn]).toEqual([...rows].filter((row) => users.has(user[row]!)));
      expect(rowsOfUsers(log, rows, size, 1, "test")).toEqual(drawn);
      // One user fewer would have been too few.
      const counts = [...users].map((one) => rows.filter((row) => user[row] === one).length);
      if (drawn.length < rows.length) expect(drawn.length - Math.max(...counts)).toBeLessThan(size);
    }),
  );
});
