import { parseYaml } from "@corella/configuration";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { catalogueFromLog } from "./catalogue.ts";
import { type DataConfig, type DataConfigInput, parseDataConfig } from "./config.ts";
import { loadLog } from "./load-log.ts";
import { historyLength, type InteractionLog } from "./log.ts";
import { type PromptConfig, promptSettingsSchema } from "./prompt/config.ts";
import { withPromptDefaults } from "./prompt/of-data.ts";
import { createPrompt } from "./prompt/prompt.ts";
import { recordAt } from "./record.ts";
import { type LogSplit, splitLog } from "./split.ts";

// The configurations of docs/bring-your-data.md, on small made-up files in the shapes as published.
let page: string;
let folder: string;
beforeAll(async () => {
  page = await readFile(join(import.meta.dirname, "../../../docs/bring-your-data.md"), "utf8");
  folder = await mkdtemp(join(tmpdir(), "corella-shapes-"));
});
afterAll(() => rm(folder, { recursive: true }));

interface Shape {
  readonly log: InteractionLog;
  readonly split: LogSplit;
  promptAt(row: number): string;
}

/** What the configuration of the page reads from files. */
async function read(name: string, files: Readonly<Record<string, string | Buffer>>): Promise<Shape> {
  const yaml = new RegExp(`<!-- shape: ${name} -->\\s+\`\`\`yaml\\n([^]*?)\`\`\``).exec(page)![1]!;
  expect(yaml.trimEnd().split("\n").length).toBeLessThanOrEqual(25);
  const { data, prompt } = parseYaml(yaml, name) as { data: DataConfigInput; prompt?: Partial<PromptConfig> };
  const baseFolder = join(folder, name);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(baseFolder, path)), { recursive: true });
    await writeFile(join(baseFolder, path), content);
  }
  const config: DataConfig = parseDataConfig(data);
  const log = await loadLog(config, { baseFolder });
  const writer = createPrompt({
    ...withPromptDefaults(promptSettingsSchema.parse(prompt ?? {}), log),
    retrieval: "none",
  });
  const catalogue = catalogueFromLog(log);
  return {
    log,
    split: splitLog(log, config),
    promptAt: (row) => writer.render(recordAt(log, row), catalogue),
  };
}
const lines = (rows: readonly string[]): string => `${rows.join("\n")}\n`;
const sizes = ({ train, validation, test: last }: LogSplit): number[] => [
  train.length,
  validation.length,
  last.length,
];

test("Book-Crossing", async () => {
  const ratings = Array.from(
    { length: 20 },
    (_, row) => `"${row % 4}";"00${row % 3}X";"${row % 5 === 0 ? 0 : 5 + (row % 6)}"`,
  );
  const { log, split, promptAt } = await read("book-crossing", {
    "BX-Book-Ratings.csv": lines(['"User-ID";"ISBN";"Book-Rating"', ...ratings]),
    "BX-Books.csv": Buffer.from(
      lines([
        '"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication";"Publisher"',
        '"000X";"Quiet \\"Harbour\\" Songs";"Ann";"1990";"P"',
        '"001X";"Café; Notes";"Bo";"0";"P"',
        '"999X";"Ends \\"here\\"";"Cy";"1994";"P"',
      ]),
      "latin1",
    ),
  });
  expect(log.size).toBe(16);
  expect(log.report.skipped).toMatchObject([{ count: 4, reason: "left out by where: rating > 0" }]);
  expect(sizes(split)).toEqual([12, 1, 3]);
  expect(log.report.times).toBe("none");
  expect(log.items.attributes.slice(0, 2)).toEqual([
    { title: 'Quiet "Harbour" Songs', author: "Ann" },
    { title: "Café; Notes", author: "Bo" },
  ]);
  expect(promptAt(log.item.indexOf(1))).toMatch(/of a user: none\. .* will like "Café; Notes" by Bo based/);
});

test("Goodreads", async () => {
  const review = (row: number): string =>
    JSON.stringify({
      user_id: `u${row % 3}`,
      book_id: String(100 + (row % 4)),
      rating: row % 6,
      date_added: `Fri Aug ${String(10 + row)} 13:55:02 -0700 2017`,
    });
  const book = (id: number): string =>
    JSON.stringify({
      book_id: String(id),
      title: `Book ${id}`,
      publication_year: id === 100 ? "" : "2015",
      popular_shelves: [
        { count: "3", name: "fiction" },
        { count: "1", name: `shelf ${id}` },
      ],
    });
  const { log, promptAt } = await read("goodreads", {
    "goodreads_reviews.json.gz": gzipSync(lines(Array.from({ length: 20 }, (_, row) => review(row)))),
    "goodreads_books.json.gz": gzipSync(lines([100, 101, 102, 103].map(book))),
  });
  expect(log.size).toBe(16);
  expect(new Date(log.time[0]! * 1000).toISOString()).toBe("2017-08-11T20:55:02.000Z");
  expect(log.items.attributes[0]).toEqual({ title: "Book 100", genres: ["fiction", "shelf 100"] });
  expect(promptAt(15)).toMatch(/"Book \d+ \(2015\)|"Book 103" \(2015\)/);
  expect(log.report.warnings).toEqual([]);
});

test("MIND", async () => {
  const behaviour = (day: number): string =>
    `${day}\tU${day % 2}\t11/${day}/2019 ${1 + (day % 11)}:05:58 ${day % 2 === 0 ? "AM" : "PM"}\tN1 N2\tN${day}-1 N${day + 1}-0`;
  const news = (id: number): string =>
    `N${id}\tnews\tworld\tStory "${id}" of the day\tText\thttps://x\t[]\t[]`;
  const ids = Array.from({ length: 14 }, (_, row) => row + 1);
  const { log, split, promptAt } = await read("mind", {
    "MINDsmall_train/behaviors.tsv": lines(ids.slice(0, 10).map(behaviour)),
    "MINDsmall_dev/behaviors.tsv": lines(ids.slice(10, 13).map(behaviour)),
    "MINDsmall_train/news.tsv": lines(ids.slice(0, 11).map(news)),
    "MINDsmall_dev/news.tsv": lines(ids.slice(5).map(news)),
  });
  expect([log.size, log.label.reduce((sum, label) => sum + label, 0)]).toEqual([26, 13]);
  expect(sizes(split)).toEqual([18, 2, 6]);
  expect(log.report.skipped).toMatchObject([{ table: "items", count: 6 }]);
  expect(new Date(log.time[0]! * 1000).toISOString()).toBe("2019-11-01T14:05:58.000Z");
  expect(historyLength(log, 25)).toBe(12);
  // Of the 12 events before, the 10 newest are told: the clicks of days 3 to 11.
  expect(promptAt(25)).toMatch(
    /^A user clicked: "Story "3" of the day", .*, "Story "11" of the day"\. .* the user click "Story "14" of the day" \(news\)\?/,
  );
});

test("Criteo", async () => {
  const row = (n: number): string =>
    [
      n % 2,
      ...Array.from({ length: 13 }, (_, i) => (i === 1 && n === 3 ? "" : n * i)),
      ...Array.from({ length: 26 }, (_, i) => (i === 1 && n === 4 ? "" : `0000000${(n + i) % 4}`)),
    ].join("\t");
  const { log, split } = await read("criteo", {
    "train.txt": lines(Array.from({ length: 20 }, (_, n) => row(n))),
  });
  expect([log.size, log.users.ids.length, log.items.ids]).toEqual([20, 20, ["any"]]);
  expect(sizes(split)).toEqual([16, 2, 2]);
  expect(Array.from(log.user, (_, at) => historyLength(log, at)).every((length) => length === 0)).toBe(true);
});

test("Netflix Prize", async () => {
  const film = (id: number, rows: readonly string[]): string[] => [`${id}:`, ...rows];
  const { log, promptAt } = await read("netflix", {
    "combined_data_1.txt": lines([
      ...film(1, ["7,3,2005-09-06", "8,5,2005-09-07"]),
      ...film(72, ["7,1,2005-09-08", "9,4,2004-01-01"]),
    ]),
    "combined_data_2.txt": lines(film(73, ["7,2,2005-10-06", "9,5,2005-09-09"])),
    "movie_titles.csv": Buffer.from(
      lines(["1,2003,Dinosaur Planet", "72,1974,Strangers, A Stranger, Café", "73,NULL,Alone"]),
      "latin1",
    ),
  });
  expect([log.size, log.report.skipped, log.report.warnings]).toEqual([6, [], []]);
  expect(log.items.attributes[1]).toEqual({ year: 1974, title: "Strangers, A Stranger, Café" });
  expect(promptAt(5)).toMatch(
    /"Dinosaur Planet \(2003\)" \(3\/5\), "Strangers, A Stranger, Café \(1974\)" \(1\/5\)\. .* will like "Alone"/,
  );
});

test("Steam", async () => {
  const review = (item: number, good: boolean, month: string): string =>
    `{'funny': '', 'posted': 'Posted ${month} 5, 2011.', 'item_id': '${item}', 'recommend': ${good ? "True" : "False"}, 'review': "it's \\n fun"}`;
  const { log, promptAt } = await read("steam", {
    "australian_user_reviews.json.gz": gzipSync(
      lines([
        `{'user_id': '76561197970982479', 'reviews': [${review(10, true, "June")}, ${review(20, false, "July")}]}`,
        `{'user_id': 'js', 'reviews': []}`,
        `{'user_id': 'ev', 'reviews': [${review(20, true, "May")}, ${review(10, true, "August")}]}`,
      ]),
    ),
    "steam_games.json.gz": gzipSync(
      lines([
        `{u'id': u'10', u'title': u'Counter', u'genres': [u'Action'], u'price': 9.99, u'early_access': False}`,
        `{u'id': u'20', u'title': u"Gary's", u'genres': [u'Indie', u'RPG']}`,
        `{u'title': u'No id'}`,
      ]),
    ),
  });
  expect(log.size).toBe(4);
  expect(log.report.skipped.map(({ table, count }) => [table, count])).toEqual([
    ["ratings", 1],
    ["items", 1],
  ]);
  expect(log.items.attributes[1]).toEqual({ title: "Gary's", genres: ["Indie", "RPG"] });
  expect(promptAt(3)).toMatch(/"Gary's" \(liked\).* will like "Counter"/);
});

test("TALLRec", async () => {
  const sample = (n: number): object => ({
    instruction: 'Given the user\'s preference and unpreference, answer "Yes." or "No.".',
    input: `User Preference: "Film ${n}"\nUser Unpreference: "Film ${n + 1}"\nWhether the user will like "Film ${n + 2}"?`,
    output: n % 3 === 0 ? "Yes." : "No.",
  });
  const part = (first: number, size: number): string =>
    JSON.stringify(
      Array.from({ length: size }, (_, n) => sample(first + n)),
      undefined,
      1,
    );
  const { log, split, promptAt } = await read("tallrec", {
    "train.json": part(0, 8),
    "valid.json": part(8, 3),
    "test.json": part(11, 4),
  });
  expect(sizes(split)).toEqual([8, 3, 4]);
  expect([...log.label]).toEqual(Array.from({ length: 15 }, (_, n) => (n % 3 === 0 ? 1 : 0)));
  expect(promptAt(4)).toMatch(/^Given the user's preference .*\n?.*User Preference: "Film 4"/);
});
