import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DataConfigInput, parseDataConfig } from "../config.ts";
import { historyLength, historyOf, type InteractionLog } from "../log.ts";
import { splitLog } from "../split.ts";
import { type MappingFolder, mappingFolder } from "./mapping.test-helper.ts";

let folder: MappingFolder;
beforeAll(async () => {
  folder = await mappingFolder();
});
afterAll(() => folder.remove());

type Ratings = DataConfigInput["source"]["ratings"];
const from = (more: Partial<Ratings> & Pick<Ratings, "columns">): { ratings: Ratings } => ({
  ratings: { path: "r.csv", header: true, ...more },
});
/** Each row as its user, item and rating, in the log's order. */
const rowsOf = (log: InteractionLog): string[] =>
  Array.from(
    log.user,
    (user, row) => `${log.users.ids[user]}${log.items.ids[log.item[row]!]}${log.rating[row]}`,
  );

describe("a log without times", () => {
  const columns = { user: "u", item: "i", rating: "r" };
  const lines = "u,i,r\nb,x,5\na,x,1\nb,y,2\na,z,4\nb,z,3\na,y,5\nb,x,1\na,x,4\nb,y,4\na,y,1\n";

  test("has no histories, is split at random, and says so", async () => {
    await folder.write({ "r.csv": lines });
    const log = await folder.load(from({ columns }));
    expect(log.report.times).toBe("none");
    expect(Array.from(log.user, (_, row) => historyLength(log, row))).toEqual(
      Array.from({ length: 10 }, () => 0),
    );
    expect(log.report.warnings).toMatchObject([
      { message: expect.stringMatching(/no times: no sample has a history/) },
    ]);
    const config = parseDataConfig({ source: from({ columns }), label: { threshold: 4 } });
    expect(config.split).toEqual({ kind: "randomByRow", shares: [0.8, 0.1, 0.1], seed: 1 });
    const split = splitLog(log, config);
    expect([split.train.length, split.validation.length, split.test.length]).toEqual([8, 1, 1]);
    expect([...split.train, ...split.validation, ...split.test].sort()).toEqual(
      [...log.user.keys()].map(Number).sort(),
    );
    expect(
      splitLog(log, { ...config, split: { kind: "randomByRow", shares: [0.8, 0.1, 0.1], seed: 2 } }),
    ).not.toEqual(split);
  });

  test("with ties: order has the histories of the file's order", async () => {
    await folder.write({ "r.csv": lines });
    const log = await folder.load(from({ columns }), { history: { ties: "order" } });
    expect(log.report.times).toBe("order");
    expect(rowsOf(log)).toEqual(["bx5", "ax1", "by2", "az4", "bz3", "ay5", "bx1", "ax4", "by4", "ay1"]);
    expect([...historyOf(log, 9)].map((row) => rowsOf(log)[row])).toEqual(["ax1", "az4", "ay5", "ax4"]);
  });

  test.each(["time", "leaveLastOut"] as const)("has no split by %s", (kind) => {
    const config = { source: from({ columns }), label: { threshold: 4 }, split: { kind } };
    expect(() => parseDataConfig(config)).toThrowError(
      expect.objectContaining({ code: "config/invalid", place: "data.split" }),
    );
    expect(parseDataConfig({ ...config, history: { ties: "order" } }).split.kind).toBe(kind);
  });
});

describe("where", () => {
  const columns = { user: "u", item: "i", rating: "Book-Rating", label: "l", time: "t" };
  const lines =
    "u,i,Book-Rating,l,t,event\na,x,0,1,1000000000,view\na,y,7,1,1000000001,buy\nb,x,,1,1000000002,view\nb,y,-1,0,1000000003,\nb,z,3,0,1000000004,buy\n";
  test.each<[string | string[], string[], number]>([
    ["rating > 0", ["ay7", "bz3"], 3],
    ['"Book-Rating" >= 3', ["ay7", "bz3"], 3],
    ["event = buy", ["ay7", "bz3"], 3],
    [["event != view", "rating != -1"], ["ay7", "bz3"], 2 + 1],
    [["rating>=0", "user = a"], ["ax0", "ay7"], 3],
    ['event = "view"', ["ax0"], 3], // bx without a rating is left, and bad
    [["event != ''", "rating <> ''", "time < 1000000004"], ["ax0", "ay7"], 3],
  ])("%s", async (where, expected, leftOut) => {
    await folder.write({ "r.csv": lines });
    const log = await folder.load(from({ columns, where, onBadRow: "skip" }), { label: { column: true } });
    expect(rowsOf(log)).toEqual(expected);
    const [left, ...bad] = log.report.skipped.toSorted(
      (a, b) => Number(b.reason.startsWith("left out")) - Number(a.reason.startsWith("left out")),
    );
    expect(left).toMatchObject({ table: "ratings", count: leftOut, firstPlace: "data.source.ratings.where" });
    expect(log.size + leftOut + bad.reduce((sum, { count }) => sum + count, 0)).toBe(5);
  });

  test("a row that is left out is no bad one", async () => {
    await folder.write({ "r.csv": lines });
    const log = await folder.load(from({ columns, where: "rating != ''" }), { label: { column: true } });
    expect(log.size).toBe(4);
  });

  test("a column that is not there, and what is no condition, are errors", async () => {
    await folder.write({ "r.csv": lines });
    const label = { column: true } as const;
    await expect(folder.load(from({ columns, where: "evnt = buy" }), { label })).rejects.toMatchObject({
      code: "data/unknown-column",
      remedy: 'Did you mean "event"?',
    });
    await expect(folder.load(from({ columns, where: "rating" }), { label })).rejects.toMatchObject({
      code: "config/invalid",
      place: "data.source.ratings.where",
    });
  });
});

test.each([
  ["first", ["ax1", "by5", "ay2"]],
  ["last", ["by5", "ay2", "ax4"]],
  ["keep", ["ax1", "by5", "ax5", "ay2", "ax4"]],
] as const)("duplicates: %s", async (duplicates, expected) => {
  // In the file the rows are not in order of time.
  await folder.write({ "r.csv": "u,i,r,t\na,x,4,50\na,x,1,10\nb,y,5,20\na,x,5,30\na,y,2,40\n" });
  const columns = { user: "u", item: "i", rating: "r", time: "t" };
  const log = await folder.load(from({ columns, timeUnit: "steps", duplicates }));
  expect(rowsOf(log)).toEqual(expected);
  expect(log.report.skipped.map(({ count }) => count)).toEqual(duplicates === "keep" ? [] : [2]);
});

describe("labels", () => {
  const columns = { user: "u", item: "i", label: "l", time: "t" };
  const load = (...labels: string[]): Promise<InteractionLog> =>
    folder
      .write({
        "r.csv": `u,i,l,t\n${labels.map((label, row) => `u,i${row},${label},${1e9 + row}\n`).join("")}`,
      })
      .then(() => folder.load(from({ columns }), { label: { column: true } }));
  test.each([
    ["0", "1"],
    ["0.0", "1.0"],
    ["False", "True"],
    ["false", "true"],
    ["-1", "1"],
    ["-1.0", "1.0"],
    ["no", "yes"],
    ["F", "T"],
  ])("%s and %s", async (no, yes) => {
    const log = await load(no, yes, yes, no);
    expect([[...log.label], [...log.rating]]).toEqual([
      [0, 1, 1, 0],
      [0, 1, 1, 0],
    ]);
  });
  test("others, and -1 beside 0, are refused", async () => {
    await expect(load("0", "2")).rejects.toMatchObject({
      code: "data/bad-row",
      message: expect.stringContaining('"2"'),
    });
    await expect(load("0", "-1", "1")).rejects.toMatchObject({ code: "data/ambiguous-label" });
  });
});

test.each<[string, Partial<Ratings>, Partial<DataConfigInput>, string, RegExp]>([
  [
    "a label without a column",
    { columns: { user: "u", item: "i", rating: "r", time: "t" } },
    { label: { column: true } },
    "config/invalid",
    /needs columns\.label/,
  ],
  [
    "a threshold on labels",
    { columns: { user: "u", item: "i", label: "l", time: "t" } },
    {},
    "config/invalid",
    /write label: \{ column: true \}/,
  ],
  [
    "a threshold on ratings that are 0 and 1",
    { columns: { user: "u", item: "i", rating: "l", time: "t" } },
    {},
    "data/label-threshold",
    /No rating reaches the threshold 4: they are 0 to 1/,
  ],
  [
    "a threshold that all ratings reach",
    { columns: { user: "u", item: "i", rating: "r", time: "t" } },
    { label: { threshold: 1 } },
    "data/label-threshold",
    /Every rating/,
  ],
  [
    "a time that is the rating",
    { columns: { user: "u", item: "i", rating: "r", time: "r" } },
    {},
    "data/same-column",
    /time and the rating/,
  ],
  [
    "a user that is the item",
    { columns: { user: "i", item: "i", rating: "r", time: "t" } },
    {},
    "data/same-column",
    /user and the item/,
  ],
  [
    "a given split that nothing gives",
    { columns: { user: "u", item: "i", rating: "r", time: "t" } },
    { split: { kind: "given" } },
    "config/invalid",
    /columns\.part/,
  ],
  [
    "a column called rowId",
    { columns: { user: "u", item: "i", rating: "r", time: "t", rowId: "l" } },
    {},
    "config/invalid",
    /may be called rowid: give it another name/,
  ],
  [
    "an order of the items of one impression",
    { columns: { user: "u", item: "i", time: "t" }, impressions: {} },
    { label: { column: true }, history: { ties: "order" } },
    "config/invalid",
    /know each other's labels under ties: order: .*timeUnit: steps/,
  ],
])("%s is refused", async (_, ratings, more, code, message) => {
  await folder.write({ "r.csv": "u,i,r,l,t\na,x,1,0,1000000000\na,y,5,1,1000000001\n" });
  await expect(folder.load(from(ratings as Ratings), more)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  });
});

test("a threshold for ratings beside labels that all reach, or none, is warned of", async () => {
  await folder.write({ "r.csv": "u,i,r,l,t\na,x,1,0,1000000000\na,y,5,1,1000000001\n" });
  const columns = { user: "u", item: "i", rating: "r", label: "l", time: "t" };
  const all = await folder.load(from({ columns }), { label: { column: true, likedThreshold: 0.5 } });
  expect(all.report.warnings).toMatchObject([
    { message: expect.stringMatching(/^Every event of a history counts as liked/) },
  ]);
  const some = await folder.load(from({ columns }), { label: { column: true, likedThreshold: 3 } });
  expect(some.report.warnings).toEqual([]);
});

describe("parts that the source gives", () => {
  const columns = { user: "u", item: "i", rating: "r", time: "t" };
  const rows = (part: string, first: number): string[] =>
    Array.from({ length: 5 }, (_, row) => `a,${part}${row},${1 + ((first + row) % 5)},${1e9 + first + row}`);

  test("by a column, in the usual words or in one's own", async () => {
    const lines = (words: string[]): string =>
      `u,i,r,t,s\n${words.flatMap((word, part) => rows("xyz"[part]!, 5 * (2 - part)).map((row) => `${row},${word}`)).join("\n")}\n`;
    const itemsOf = (log: InteractionLog, part: Uint32Array): string =>
      [...new Set(Array.from(part, (row) => log.items.ids[log.item[row]!]![0]))].join("");
    const check = async (words: string[], parts?: Ratings["parts"]): Promise<void> => {
      await folder.write({ "r.csv": lines(words) });
      const source = from({ columns: { ...columns, part: "s" }, ...(parts && { parts }) });
      const log = await folder.load(source);
      const {
        train,
        validation,
        test: last,
      } = splitLog(log, parseDataConfig({ source, label: { threshold: 4 } }));
      expect([train, validation, last].map((part) => itemsOf(log, part))).toEqual(["x", "y", "z"]);
    };
    await check(["train", "Valid", "TEST"]);
    await check(["0", "1", "2"], { train: "0", validation: "1", test: ["2", "3"] });
    await expect(check(["train", "other", "test"])).rejects.toMatchObject({
      code: "data/bad-row",
      message: expect.stringContaining("none of train"),
    });
  });

  test("by files; without one for validation the latest training rows are", async () => {
    const header = "u,i,r,t\n";
    await folder.write({
      "p-train.csv": header + rows("x", 0).join("\n"),
      "p-dev.csv": header + rows("z", 10).join("\n"),
    });
    const source = from({ path: "p-*.csv", columns, parts: { train: "p-train.csv", test: "*-dev.csv" } });
    const log = await folder.load(source);
    const config = parseDataConfig({
      source,
      label: { threshold: 4 },
      split: { kind: "given", validationShare: 0.4 },
    });
    const split = splitLog(log, config);
    expect([[...split.train], [...split.validation], [...split.test]]).toEqual([
      [0, 1, 2],
      [3, 4],
      [5, 6, 7, 8, 9],
    ]);
    const wrong = (parts: Ratings["parts"]): Promise<unknown> =>
      folder.load(from({ path: "p-*.csv", columns, parts }));
    await expect(wrong({ train: "p-train.csv" })).rejects.toMatchObject({
      code: "data/no-part",
      message: expect.stringContaining("p-dev.csv belongs to no part"),
    });
    await expect(wrong({ train: "p-*.csv", test: "test.csv" })).rejects.toMatchObject({
      code: "data/no-part",
      message: expect.stringContaining("test.csv"),
    });
  });
});

describe("impressions", () => {
  const columns = { user: "u", item: "shown", time: "t" };
  const of = (log: InteractionLog): string[] =>
    Array.from(
      log.user,
      (_, row) => `${log.time[row]! - 1e9}:${log.items.ids[log.item[row]!]}-${log.label[row]}`,
    );
  const expected = ["0:N1-0", "0:N2-1", "0:N-3-0", "1:N1-1"];
  const load = (text: string, more: Partial<Ratings>): Promise<InteractionLog> =>
    folder
      .write({ "r.csv": text })
      .then(() =>
        folder.load(from({ columns, delimiter: ";", impressions: {}, ...more }), { label: { column: true } }),
      );
  const withLabels = { ...columns, label: "l" };
  test.each<[string, string, Partial<Ratings>]>([
    ["attached", "u;t;shown\na;1000000000;N1-0 N2-1  N-3-0\na;1000000001;N1-1\n", {}],
    [
      "attached, other signs",
      "u;t;shown\na;1000000000;N1:0,N2:1, N-3:0\na;1000000001;N1:1\n",
      { impressions: { separator: ",", joint: ":" } },
    ],
    [
      "parallel",
      "u;t;shown;l\na;1000000000;N1 N2 N-3;0 1 0\na;1000000001;N1;1\n",
      { columns: withLabels, impressions: { labels: "parallel" } },
    ],
    [
      "clicked",
      "u;t;shown;l\na;1000000000;N1 N2 N-3;N2\na;1000000001;;N1\n",
      { columns: withLabels, impressions: { labels: "clicked" } },
    ],
    [
      "clicked, in JSON lists",
      'u;t;shown;l\na;1000000000;["N1", "N2", "N-3"];["N2"]\na;1000000001;["N1"];["N1"]\n',
      { columns: withLabels, quote: "", impressions: { labels: "clicked" } },
    ],
  ])("%s", async (_, text, more) =>
    expect(of(await load(text, more)).toSorted()).toEqual(expected.toSorted()),
  );

  test.each([
    ["an empty list", "u;t;shown\na;1000000000;\na;1000000001;N1-1\n", "the item's id is empty"],
    ["an item without a label", "u;t;shown\na;1000000000;N1\na;1000000001;N1-1\n", "the label is not 0 or 1"],
  ])("%s is a bad row, counted", async (_, text, reason) => {
    await expect(load(text, {})).rejects.toMatchObject({ code: "data/bad-row" });
    const log = await load(text, { onBadRow: "skip" });
    expect(log.size).toBe(1);
    expect(log.report.skipped).toMatchObject([{ count: 1, reason: expect.stringContaining(reason) }]);
  });

  test("without times the advice is to number the rows, never ties: order", async () => {
    const untimed = { columns: { user: "u", item: "shown" } };
    const { report } = await load("u;shown\na;N1-0 N2-1\n", untimed);
    const [{ message, remedy }] = report.warnings as [{ message: string; remedy: string }];
    expect(message).toMatch(/^The log has no times/);
    expect(remedy).toMatch(/number its rows in a column of times and write timeUnit: steps/);
    expect(remedy).not.toMatch(/ties/);
    const config = { source: from({ ...untimed, impressions: {} }), label: { column: true } } as const;
    expect(() => parseDataConfig({ ...config, split: { kind: "time" } })).toThrowError(
      expect.objectContaining({
        place: "data.split",
        message: expect.stringMatching(/^(?!.*ties).*timeUnit: steps/s),
      }),
    );
  });

  test("lists of different lengths are bad", async () => {
    const text = "u;t;shown;l\na;1000000000;N1 N2;0\na;1000000001;N1;1 0\n";
    const log = await load(text, {
      columns: withLabels,
      onBadRow: "skip",
      impressions: { labels: "parallel" },
    });
    expect([log.size, log.report.skipped.map(({ count }) => count)]).toEqual([2, [1, 1]]);
  });
});
