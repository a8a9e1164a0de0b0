import { expect, test } from "vitest";
import { recordMaker } from "./records.ts";

const events = [{ item: "7", rating: 5, time: 100, liked: true }];
const histories = {
  latest: 100,
  of: (user: string) => (user === "5" ? events : []),
  earlierOf: () => 0,
  attributesOf: (user: string) => (user === "5" ? { country: "NL", age: 30 } : undefined),
};
const catalogue = {
  has: (item: string) => ["7", "8.0"].includes(item),
  attributesOf: (item: string) => (item === "7" ? { title: "Seven", year: 1995 } : undefined),
};
const recordOf = recordMaker(histories as never, catalogue as never, 200);
const row = { row: 0, user: "5", item: "7", time: null };

test.each([
  ["5.0", "7.0"],
  [" 5", "\u00a07 "],
  ["\uFEFF5", "7"],
])("user %j and item %j are spelt as the data spell them", (user, item) => {
  expect(recordOf({ ...row, user, item })).toEqual({ ...recordOf(row), user: "5", item: "7" });
  expect(recordOf({ ...row, user, item }).history).toBe(events);
});

test("what only looks like another id stays itself", () => {
  expect(recordOf({ ...row, user: "6.0", item: "8.0" })).toMatchObject({
    user: "6.0",
    item: "8.0",
    history: [],
  });
  expect(recordOf({ ...row, user: "5.5", item: "seven" })).toMatchObject({ user: "5.5", item: "seven" });
  expect(recordOf({ ...row, user: null }).user).toBeNull();
});

test("a row's attribute takes the place of that of its name, and of no other", () => {
  const record = recordOf({ ...row, userAttributes: { age: 31 }, itemAttributes: { year: 1996 } });
  expect(record.userAttributes).toEqual({ country: "NL", age: 31 });
  expect(record.itemAttributes).toEqual({ title: "Seven", year: 1996 });
  expect(recordOf(row).userAttributes).toEqual({ country: "NL", age: 30 });
});
