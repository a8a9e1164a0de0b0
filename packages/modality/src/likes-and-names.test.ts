import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { defaultFeatures } from "./features/default-features.ts";
import { loadDataConfig, withDataPreset } from "./load-config.ts";
import type { InteractionLog } from "./log.ts";
import { ratingScaleOf, recordAt, requireRatings } from "./record.ts";
import { type MappingFolder, mappingFolder, ratingLines } from "./source/mapping.test-helper.ts";

let folder: MappingFolder;
beforeAll(async () => {
  folder = await mappingFolder();
});
afterAll(() => folder.remove());

const label = { column: true } as const;
const columns = { user: "u", item: "i", rating: "r", label: "l", time: "t" };

/** A log of labels beside ratings from 2001 on. */
async function labelled(
  rows: readonly [rating: number, label: number][],
  more = {},
): Promise<InteractionLog> {
  const line = ([rating, of]: readonly [number, number], row: number): string =>
    `u${row % 3},i${row % 4},${rating},${of},${1e9 + row * 86_400}`;
  await folder.write({ "labelled.csv": `u,i,r,l,t\n${rows.map(line).join("\n")}\n` });
  return folder.load(
    { ratings: { path: "labelled.csv", header: true, columns } },
    { label: { ...label, ...more } },
  );
}

describe("labels beside ratings", () => {
  const apart: [number, number][] = [
    [1, 0],
    [2, 0],
    [4.5, 1],
    [5, 1],
    [3, 0],
    [4.5, 1],
    [2.5, 0],
    [5, 1],
  ];

  test("an event is liked when its label is 1", async () => {
    const log = await labelled(apart);
    expect(log.likedThreshold).toBe(4.5);
    expect(log.report.warnings).toEqual([]);
  });

  test("where they disagree the threshold contradicts the fewest, and how many is said", async () => {
    const log = await labelled([...apart, [2, 1], [5, 1]]);
    expect(log.likedThreshold).toBe(4.5);
    expect(log.report.warnings.map(({ message }) => message)).toEqual([
      "In histories an event counts as liked from a rating of 4.5 on, which 1 of 10 labels contradict.",
    ]);
    expect((await labelled(apart, { likedThreshold: 3 })).likedThreshold).toBe(3);
  });

  test("labels of one value are warned of", async () => {
    const log = await labelled([
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 1],
    ]);
    expect(log.report.warnings.map(({ message }) => message)).toContain("All labels are 1.");
  });
});

test("names that reading uses itself may be attributes, fields and columns of context", async () => {
  const names = [
    "bad",
    "bad_text",
    "bad_at",
    "broken",
    "row_at",
    "kept",
    "shown",
    "day_first",
    "month_first",
  ];
  const more = ["line", "valid", "element", "text", "value", "cell", "number", "place", "id", "$'", "c0"];
  const all = [...names, ...more];
  const row = (first: string): string => [first, ...all.map((_, at) => at)].join(",");
  const lines = ["a,x,4,5/25/2014", "b,y,2,6/1/2014", "b,x,5,6/2/2014"];
  await folder.write({
    "named.csv": lines.map((line) => `${line},${all.map((_, at) => at).join(",")}`).join("\n"),
    "items.csv": ["x", "y"].map(row).join("\n"),
    "users.jsonl": ["a", "b"]
      .map((user) => JSON.stringify({ user, ...Object.fromEntries(all.map((name) => [name, `v-${name}`])) }))
      .join("\n"),
  });
  const typed = (first: number): Record<string, { column: number; type: "number" }> =>
    Object.fromEntries(all.map((name, at) => [name, { column: first + at, type: "number" }]));
  const log = await folder.load({
    ratings: {
      path: "named.csv",
      timeUnit: "text",
      onBadRow: "skip",
      where: ["kept = 5", "line > 0"],
      columns: { user: 0, item: 1, rating: 2, time: 3, ...typed(4) },
    },
    items: { path: "items.csv", onBadRow: "skip", columns: { item: 0, ...typed(1) } },
    users: {
      path: "users.jsonl",
      format: "jsonl",
      columns: { user: "user", ...Object.fromEntries(all.map((name) => [name, name])) },
    },
  });
  const expected = Object.fromEntries(all.map((name, at) => [name, at]));
  expect(log.report.skipped).toEqual([]);
  expect(recordAt(log, 0)).toMatchObject({
    context: expected,
    itemAttributes: expected,
    userAttributes: Object.fromEntries(all.map((name) => [name, `v-${name}`])),
    time: Date.UTC(2014, 4, 25) / 1000,
  });
  await expect(
    folder.load({
      ratings: { path: "named.csv", timeUnit: "text", columns: { user: 0, item: 1, rating: 2, time: 3 } },
      items: { path: "items.csv", columns: { item: 0, Title: 1, title: 2 } },
    }),
  ).rejects.toMatchObject({ code: "config/invalid", place: "data.source.items.columns" });
});

describe("a header that is read as a row", () => {
  const ratings = {
    path: "r.csv",
    header: true,
    columns: { user: "user", item: "item", rating: "rating", time: "time" },
  };
  test.each([
    ["of numbered items", "id,name\ni0,T0\ni1,T1\ni2,T2\n", true],
    ["of items that are numbers", "movieId,title,release date\n0,T,1990\ni0,a,1\n", true],
    ["but a row whose item nobody rated", "i9,Last One\ni0,T0\ni1,T1\n", false],
    ["but words among words", "sofa,Furniture\ni0,T0\n", true],
  ])("%s", async (_, items, isWarned) => {
    await folder.write({ "r.csv": ratingLines(12, ["a", "b"], ["i0", "i1"]), "items.csv": items });
    const log = await folder.load({ ratings, items: { path: "items.csv", columns: { item: 0, title: 1 } } });
    expect(log.report.warnings.some(({ remedy }) => remedy.includes("items.header: true"))).toBe(isWarned);
  });

  test("of ratings is an error that says so", async () => {
    await folder.write({ "r.csv": ratingLines(12, ["a", "b"], ["i0", "i1"]) });
    const plain = { path: "r.csv", columns: { user: 0, item: 1, rating: 2, time: 3 } };
    await expect(folder.load({ ratings: plain })).rejects.toMatchObject({
      code: "data/bad-row",
      remedy: expect.stringContaining("header: true"),
    });
  });
});

describe("default features", () => {
  const namesOf = (log: InteractionLog): string[] => defaultFeatures(log).map(({ name }) => name);
  const users = ["a", "b", "c"];
  test("of a log without times: no histories and no statistics, but the user who comes again", async () => {
    await folder.write({ "r.csv": ratingLines(30, users, ["x", "y", "z", "w"]) });
    const timeless = {
      path: "r.csv",
      header: true,
      columns: { user: "user", item: "item", rating: "rating" },
    };
    expect(namesOf(await folder.load({ ratings: timeless }))).toEqual(["item", "user"]);
    const ordered = await folder.load({ ratings: timeless }, { history: { ties: "order" } });
    expect(namesOf(ordered)).toEqual(
      expect.arrayContaining(["item", "history_items", "user_mean", "item_recent"]),
    );
    const { user: _, ...nobody } = { ...timeless.columns, time: "time" };
    const once = namesOf(await folder.load({ ratings: { ...timeless, columns: nobody } }));
    expect(once).toEqual(expect.arrayContaining(["item", "item_mean", "item_recent"]));
    expect(once.filter((name) => /user|history/.test(name))).toEqual([]);
    const { item: __, ...anything } = timeless.columns;
    expect(
      namesOf(await folder.load({ ratings: { ...timeless, columns: { ...anything, hour: "time" } } })),
    ).toEqual(["user"]);
  });
});

describe("a preset", () => {
  test("beside ratings with a path of their own is refused; other changes of its source are not", async () => {
    const own = { preset: "ml-1m", source: { ratings: { path: "r.csv", columns: { user: 0 } } } };
    expect(() => withDataPreset(own, "my.yaml")).toThrow(
      expect.objectContaining({ code: "data/preset-and-source", place: "my.yaml: data.preset" }),
    );
    const path = join(folder.path, "preset.yaml");
    await writeFile(path, "data: { preset: ml-1m, source: { ratings: { onBadRow: skip } } }\n");
    expect((await loadDataConfig(path)).source.ratings.onBadRow).toBe("skip");
  });
});

describe("ratings of records", () => {
  const scaleOf = (ratings: number[]): [number, number] | undefined =>
    ratingScaleOf({ rating: Float32Array.from(ratings) });

  test("are on the scale of the data, whose ends count", () => {
    expect(scaleOf([0.5, 4.1, 3])).toEqual([0.5, 4.1]);
    expect(scaleOf(Array.from({ length: 101 }, (_, hours) => hours))).toBeUndefined();
    expect(scaleOf([])).toBeUndefined();
    const check =
      (...ratings: number[]) =>
      () =>
        requireRatings(
          ratings.map((rating) => ({ rating })),
          [0.5, 4.1],
          (index) => `history[${index}]`,
        );
    expect(check(0.5, 4.1, 3)).not.toThrow();
    expect(check(3, 41)).toThrow(
      expect.objectContaining({
        code: "record/rating",
        message: "A rating of 41 is beyond the scale of the data, 0.5 to 4.1.",
        place: "history[1].rating",
        remedy: expect.stringContaining("0.5 to 4.1"),
      }),
    );
    for (const wrong of [0, -1, 4.2, Number.NaN]) expect(check(wrong)).toThrow(/beyond the scale/);
  });
});
