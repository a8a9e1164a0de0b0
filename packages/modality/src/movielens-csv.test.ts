import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dataPreset, loadLog, splitLog } from "./index.ts";
import { zipOf } from "./source/zip.test-helper.ts";

// Made up, in the layout of the README.txt of ml-latest-small, whose lines end as on Windows.
const ratings = `userId,movieId,rating,timestamp
1,10,4.0,964982703
1,3,0.5,964981247
1,7,3.5,964982224
2,3,5.0,1445714835
2,11,2.0,1445714996
`.replaceAll("\n", "\r\n");
const movies = `movieId,title,genres
3,"Lamp, The (1998)",Drama|Film-Noir
7,"He said ""No"" (2001) ",Comedy
10,Étoile Seven,(no genres listed)
11,Harbour (2014),IMAX
12,Nobody Rated It (1977),Western
`.replaceAll("\n", "\r\n");
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-movielens-csv-"));
  await writeFile(join(folder, "ratings.csv"), ratings);
  await writeFile(join(folder, "movies.csv"), movies);
  const members = { "ml-25m/ratings.csv": ratings, "ml-25m/movies.csv": movies };
  await writeFile(join(folder, "renamed.zip"), zipOf(members));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each([
  ["the folder", "ml-latest-small", ""],
  ["the zip, whatever its name", "ml-25m", "renamed.zip"],
])("MovieLens as CSV, from %s", (_, preset, file) => {
  const config = () => dataPreset(preset, join(folder, file), "test");

  test("has ratings by half stars, titles with their years, and lists of genres", async () => {
    const log = await loadLog(config());
    expect(log.users.ids).toEqual(["1", "2"]);
    expect(log.items.ids).toEqual(["3", "7", "10", "11", "12"]);
    expect(log.items.activeCount).toBe(4);
    expect([...log.time]).toEqual([964981247, 964982224, 964982703, 1445714835, 1445714996]);
    expect([...log.rating]).toEqual([0.5, 3.5, 4, 5, 2]);
    expect([...log.label]).toEqual([0, 0, 1, 1, 0]);
    expect(log.items.attributes).toEqual([
      { title: "Lamp, The", year: 1998, genres: ["Drama", "Film-Noir"] },
      { title: 'He said "No"', year: 2001, genres: ["Comedy"] },
      { title: "Étoile Seven" },
      { title: "Harbour", year: 2014, genres: ["IMAX"] },
      { title: "Nobody Rated It", year: 1977, genres: ["Western"] },
    ]);
  });

  test("has samples from the sixth rating of a user on, so none of so few", async () => {
    const log = await loadLog(config());
    expect(() => splitLog(log, config())).toThrow(expect.objectContaining({ code: "data/no-samples" }));
  });
});

test("a row in another layout is named with its place", async () => {
  await writeFile(
    join(folder, "bad.zip"),
    zipOf({ "ml-32m/ratings.csv": ratings.replace("5.0", "five"), "ml-32m/movies.csv": movies }),
  );
  await expect(loadLog(dataPreset("ml-32m", join(folder, "bad.zip"), "test"))).rejects.toMatchObject({
    code: "data/bad-row",
    place: `${join(folder, "bad.zip")}!ml-32m/ratings.csv:5, column 3 (rating)`,
  });
});

test("files that are not there: where they are to be had", async () => {
  await expect(loadLog(dataPreset("ml-latest", join(folder, "none.zip"), "test"))).rejects.toMatchObject({
    code: "data/missing-file",
    remedy: expect.stringContaining("movielens/ml-latest.zip"),
  });
});
