import type { InteractionLog } from "@corella/modality";
import { createGenerator } from "@corella/random";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { RunConfig } from "./config/config.ts";
import { rowsOfUsers, validationRows } from "./scored-rows.ts";

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

test("what is held out is whole users of the validation part, and the rest is what is chosen by", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 200 }),
      fc.double({ min: 0, max: 0.9, noNaN: true }),
      (count, heldOut) => {
        const random = createGenerator(count, "log");
        const user = Int32Array.from({ length: count }, () => random.integer(9));
        const log = { user, users: { ids: [..."abcdefghi"] } } as unknown as InteractionLog;
        const validation = Uint32Array.from({ length: count }, (_, row) => row).filter((row) => row % 3 > 0);
        const split = { train: new Uint32Array(0), validation, test: new Uint32Array(0) };
        const config = (share: number) => ({ routing: { heldOut: share } }) as Pick<RunConfig, "routing">;
        expect(validationRows(config(0), { log, split })).toEqual({ choosing: validation, held: validation });
        if (heldOut === 0) return;
        const { choosing, held } = validationRows(config(heldOut), { log, split });
        expect([...choosing, ...held].toSorted((a, b) => a - b)).toEqual([...validation]);
        expect(held.length).toBeGreaterThanOrEqual(heldOut * validation.length);
        const usersOf = (rows: Uint32Array) => new Set(Array.from(rows, (row) => user[row]!));
        for (const row of choosing) expect(usersOf(held).has(user[row]!)).toBe(false);
      },
    ),
  );
});
