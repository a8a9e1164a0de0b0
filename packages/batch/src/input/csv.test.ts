import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Columns } from "../columns.ts";
import { csvRanges, csvRows } from "./csv.ts";
import type { InputRow } from "./row.ts";

const path = join(mkdtempSync(join(tmpdir(), "corella-csv-")), "rows.csv");
const columns: Columns = {
  user: "user",
  item: "item",
  time: "time",
  context: {},
  userAttributes: {},
  itemAttributes: {},
};

/** All rows of a file, range by range. */
async function rowsOf(text: string, shardRows: number, read = columns): Promise<InputRow[]> {
  writeFileSync(path, text);
  const { rows, ranges } = await csvRanges(path, shardRows);
  const found: InputRow[] = [];
  for (const range of ranges)
    for await (const block of csvRows(path, { input: 0, ...range }, read)) found.push(...block);
  expect(found).toHaveLength(rows);
  return found;
}

test("any cells come back, whatever the delimiter, the quotes and the ranges", async () => {
  const cell = fc.string({ unit: fc.constantFrom("a", "é", ",", ";", '"', "\n", " ", "7"), maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.tuple(
          cell,
          cell.filter((text) => text !== ""),
        ),
        { minLength: 1, maxLength: 12 },
      ),
      fc.constantFrom(",", ";", "\t"),
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      fc.boolean(),
      async (cells, delimiter, shardRows, windows, bare) => {
        const quoted = (text: string): string => {
          const isBare = !text.startsWith('"') && !/[,;\t\n]/.test(text) && bare;
          return isBare ? text : `"${text.replaceAll('"', '""')}"`;
        };
        const lines = cells.map(([user, item]) => [quoted(user), quoted(item), "5"].join(delimiter));
        const text = [["user", "item", "time"].join(delimiter), ...lines].join(windows ? "\r\n" : "\n");
        const found = await rowsOf(text, shardRows);
        expect(found.map(({ user, item, malformed }) => [user ?? "", item, malformed])).toEqual(
          cells.map(([user, item]) => [user, item, undefined]),
        );
        expect(found.map(({ row }) => row)).toEqual(Array.from(cells.keys()));
      },
    ),
    { numRuns: 60 },
  );
});

test("rows that cannot be asked say why, and none is lost", async () => {
  const found = await rowsOf('\uFEFFuser,item,time\nu,i,3\n\nu,,3\nu,i\nu,i,yesterday\n,i,\n"u,i,3\n', 2);
  expect(found.map(({ user, time, malformed }) => [user, time, malformed])).toEqual([
    ["u", 3, undefined],
    ["u", 3, "it has no item"],
    [null, null, "it has 2 fields, the first line 3"],
    ["u", null, 'its time "yesterday" is no number of seconds'],
    [null, null, undefined],
    [null, null, "a quote does not end, or text follows it"],
  ]);
});

test("a quote within a cell is a character: no row is swallowed up to the next one", async () => {
  const found = await rowsOf('user,item,time\nu,7" vinyl,3\nu,plain,4\nu,12" vinyl,5\n', 1);
  expect(found.map(({ item, time }) => [item, time])).toEqual([
    ['7" vinyl', 3],
    ["plain", 4],
    ['12" vinyl', 5],
  ]);
});

test("a number is what is spelt as one: a postal code keeps its zeros", async () => {
  const userAttributes = { zip: "user.zip", age: "user.age", code: "user.code" };
  const [row] = await rowsOf("user,item,user.zip,user.age,user.code\nu,i,02139,-2.5,1e2\n", 1, {
    ...columns,
    time: undefined,
    userAttributes,
  });
  expect(row!.userAttributes).toEqual({ zip: "02139", age: -2.5, code: "1e2" });
});
