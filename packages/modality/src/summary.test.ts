import { expect, test } from "vitest";
import { createLog } from "./log.ts";
import { summarise } from "./summary.ts";

test("summarises a small log as counted by hand", () => {
  const log = createLog({
    user: Int32Array.of(0, 0, 1, 0, 2),
    item: Int32Array.of(0, 1, 0, 2, 2),
    rating: Float32Array.of(5, 1, 4, 5, 2),
    time: Float64Array.of(10, 20, 30, 40, 50),
    label: Uint8Array.of(1, 0, 1, 1, 0),
    users: { ids: ["a", "b", "c"], activeCount: 3, attributes: [{}, {}, {}] },
    items: { ids: ["x", "y", "z", "unrated"], activeCount: 3, attributes: [{}, {}, {}, {}] },
    history: { maxLength: 1, ties: "exclude" },
    likedThreshold: 4,
  });
  // An item that a user came back to is one pair.
  const again = createLog({ ...log, user: Int32Array.of(0, 0, 1, 0, 2), item: Int32Array.of(0, 0, 0, 2, 2) });
  const none = { train: new Uint32Array(0), validation: new Uint32Array(0), test: new Uint32Array(0) };
  expect(summarise(again, none).density).toBe(4 / 9);
  const split = {
    train: Uint32Array.of(0, 1, 2),
    validation: new Uint32Array(0),
    test: Uint32Array.of(3, 4),
  };
  const summary = summarise(log, split);
  expect(summary).toMatchObject({
    rows: 5,
    users: 3,
    items: 3,
    density: 5 / 9,
    time: { first: 10, last: 50 },
  });
  expect(summary.parts.train).toEqual({
    rows: 3,
    positives: 2,
    positiveShare: 2 / 3,
    time: { first: 10, last: 30 },
    history: { mean: 1 / 3, median: 0, max: 1 },
    cold: { newUser: 0, newItem: 0, noHistory: 2 / 3 },
  });
  // Row 3: user a with 2 earlier rows, item z unseen; row 4: user c and item z unseen, no history.
  expect(summary.parts.test).toMatchObject({
    positives: 1,
    history: { mean: 1, median: 2, max: 2 },
    cold: { newUser: 0.5, newItem: 1, noHistory: 0.5 },
  });
  expect(summary.parts.validation).toMatchObject({ rows: 0, positiveShare: 0 });
  expect(summary.parts.validation.time).toBeUndefined();
});
