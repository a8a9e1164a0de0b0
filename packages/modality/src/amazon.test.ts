import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { readYaml } from "@corella/configuration";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  amazonBooks,
  catalogueFromLog,
  createPrompt,
  planOfBoth,
  encodeRows,
  type FeatureConfig,
  fitFeatureMap,
  loadLog,
  recordAt,
  recordsAt,
  splitLog,
} from "./index.ts";

// Files of the real format, made here: 70 readers who review 50 books each, one who reviews two, one book seldom read.
let folder: string;
const book = (i: number): string => `00${i + 10}`;
const review = (user: number, item: number): string =>
  `${JSON.stringify({
    overall: ((user + item) % 5) + 1,
    verified: false,
    reviewTime: "03 30, 2005",
    reviewerID: `A${user}XY`,
    asin: book(item),
    style: { "Format:": " Hardcover" },
    reviewText: 'A "fine" book,\nwith\ttabs & <b>tags</b> \\ and {braces}',
    unixReviewTime: 1_112_140_800 + 86_400 * ((user * 7 + item * 3) % 400),
  })}\n`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-amazon-"));
  const reviews: string[] = [review(900, 0), review(900, 1), review(1, 99)];
  for (let user = 0; user < 70; user++)
    for (let item = 0; item < 60; item++) reviews.push(review(user, item));
  const meta = [
    {
      asin: book(0),
      title: "Tom &amp; Huck&#39;s <i>Best</i>",
      brand: "Mark&nbsp;Twain",
      category: ["Books", "Literature &amp; Fiction"],
      price: "$3",
    },
    { asin: book(1), title: "", brand: "", category: [] },
    { asin: book(2), title: "No author", category: ["Books"], also_buy: ["0011"] },
    { asin: book(0), title: "A second row" },
  ];
  await writeFile(join(folder, "Books_5.json.gz"), gzipSync(reviews.join("")));
  await writeFile(
    join(folder, "meta_Books.json.gz"),
    gzipSync(meta.map((row) => `${JSON.stringify(row)}\n`).join("")),
  );
});
afterAll(() => rm(folder, { recursive: true }));

test("Amazon Books: k-core, cleaned titles, second category, books without metadata", async () => {
  const config = amazonBooks(folder);
  const log = await loadLog(config);
  // The reader of two books leaves, then nothing else but the book that one reader read.
  expect([log.size, log.users.ids.length, log.items.ids.length]).toEqual([70 * 60, 70, 60]);
  expect(log.report).toMatchObject({ rowsRead: 70 * 60 + 3, removedByKCore: 3 });
  const attributesOf = (id: string): unknown => log.items.attributes[log.items.ids.indexOf(id)];
  expect(attributesOf(book(0))).toEqual({
    title: "Tom & Huck's Best",
    author: "Mark Twain",
    categories: ["Books", "Literature & Fiction"],
  });
  expect(attributesOf(book(1))).toEqual({});
  expect(attributesOf(book(2))).toEqual({ title: "No author", categories: ["Books"] });
  expect(attributesOf(book(30))).toEqual({});
  const positives = log.label.reduce((sum, label) => sum + label, 0);
  expect(positives).toBe((70 * 60) / 5);

  const { train, test: last } = splitLog(log, config);
  const featureMap = fitFeatureMap(
    [{ name: "category", type: "categorical", field: "item.categories[1]" }],
    log,
    train,
  );
  expect(featureMap.toJson().vocabularies.category).toEqual(["Literature & Fiction"]);
  expect(new Set(encodeRows(featureMap, log, last).features.category)).toEqual(new Set([1, 2]));
  const row = last.findLast((candidate) => log.items.ids[log.item[candidate]!] === book(0))!;
  const prompt = createPrompt({ target: "{{title}} by {{author}}", template: "{{target_item}}?" });
  expect(prompt.render(recordAt(log, row), catalogueFromLog(log))).toBe("Tom & Huck's Best by Mark Twain?");
});

test("the features of configs/amazon-books.yaml are those of such data, with statistics of authors and categories", async () => {
  const path = fileURLToPath(new URL("../../../configs/amazon-books.yaml", import.meta.url));
  const { features, prompt } = (await readYaml(path)) as { features: FeatureConfig[]; prompt: object };
  const log = await loadLog(amazonBooks(folder));
  // Here no book has a third category.
  const known = features.filter(({ name }) => name !== "subcategory");
  const { train } = splitLog(log, amazonBooks(folder));
  const featureMap = fitFeatureMap(known, log, train);
  const row = log.item.findLastIndex((item) => log.items.ids[item] === book(0));
  const [record] = recordsAt(log, [row], { statistics: planOfBoth(featureMap, prompt) });
  const { statistics } = record!;
  for (const name of ["author", "item"]) expect(statistics![`${name}_count`]).toBeCloseTo(Math.log1p(69), 5);
  // Of the user and the two categories: three earlier at most, for three books have any.
  expect(statistics!["taste_count"]).toBeLessThanOrEqual(Math.log1p(3));
  expect(createPrompt(prompt).render(record!)).toContain(
    `, rated ${statistics!["item.mean"]!.toFixed(1)} of 5 by 69 readers`,
  );
});

test("a missing file says where to get it", async () => {
  await expect(loadLog(amazonBooks(join(folder, "nowhere")))).rejects.toMatchObject({
    code: "data/missing-file",
    remedy: expect.stringContaining("https://"),
  });
});
