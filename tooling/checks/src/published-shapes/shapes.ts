import { gzipSync } from "node:zlib";
import { itemCount, madeUpEvents, userCount } from "./taste.ts";

/** The files of a data set in the shape in which it is published, by their names; every value is made up. */
export type PublishedShape = () => Readonly<Record<string, string | Buffer>>;

const lines = (rows: Iterable<string>): string => `${[...rows].join("\n")}\n`;
const count = (size: number): number[] => Array.from({ length: size }, (_, i) => i);

/**
 * Book-Crossing (Ziegler et al. 2005): semicolons, latin-1, a backslash before a quote inside quotes, no times; a rating
 * of 0 is none, an age may be NULL.
 */
export const bookCrossing: PublishedShape = () => {
  const isbn = (item: number): string =>
    `0${String(30_000_000 + item * 7_919)}${item % 11 === 10 ? "X" : item % 11}`;
  const ratings = madeUpEvents.map(({ user, item, likes }, row) => {
    const rating = row % 5 === 0 ? 0 : likes ? 7 + (row % 4) : 1 + (row % 5);
    return `"${276_000 + user}";"${isbn(item)}";"${rating}"`;
  });
  const books = count(itemCount).map((item) => {
    const title = item % 3 === 0 ? `The \\"Harbour\\" Caf\u00e9, part ${item}` : `Quiet song; ${item}`;
    const image = `http://images.example.com/${isbn(item)}.jpg`;
    const values = [
      isbn(item),
      title,
      `Author ${item % 7}`,
      1950 + item,
      `Verlag ${item % 5}`,
      image,
      image,
      image,
    ];
    return values.map((value) => `"${value}"`).join(";");
  });
  const users = count(userCount).map(
    (user) => `"${276_000 + user}";"town ${user % 4}, usa";${user % 3 === 0 ? "NULL" : `"${20 + user}"`}`,
  );
  const latin1 = (header: string, rows: string[]): Buffer => Buffer.from(lines([header, ...rows]), "latin1");
  return {
    "BX-Book-Ratings.csv": latin1('"User-ID";"ISBN";"Book-Rating"', ratings),
    "BX-Books.csv": latin1(
      '"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication";"Publisher";"Image-URL-S";"Image-URL-M";"Image-URL-L"',
      books,
    ),
    "BX-Users.csv": latin1('"User-ID";"Location";"Age"', users),
  };
};

/** Criteo's display advertising challenge: a label, 13 counts, 26 categories, tabs, no header; what is missing is empty. */
export const criteo: PublishedShape = () => {
  const hash = (value: number): string =>
    (((value + 1) * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, "0");
  const rows = madeUpEvents.map(({ user, item, likes }, row) => {
    const numbers = count(13).map((i) => ((row + i) % 5 === 0 ? "" : String((user * (i + 1) + item) % 90)));
    const categories = count(26).map((i) =>
      i > 1 && (row + i) % 7 === 0
        ? ""
        : hash(i === 0 ? user : i === 1 ? 1000 + item : (user * i + item) % 19),
    );
    return [likes ? 1 : 0, ...numbers, ...categories].join("\t");
  });
  return { "train.txt": lines(rows) };
};

/** MIND (Wu et al. 2020): impressions of several news each, clicked (-1) or not (-0), and the news with their titles. */
export const mind: PublishedShape = () => {
  const behaviors = count(140).map((impression) => {
    const shown = madeUpEvents.slice(3 * impression, 3 * impression + 3);
    const { user } = shown[0]!;
    const before = madeUpEvents
      .slice(0, 3 * impression)
      .filter((event) => event.user === user && event.likes);
    const hour = impression % 12;
    const time = `11/${9 + Math.floor(impression / 24)}/2019 ${hour === 0 ? 12 : hour}:05:58 ${impression % 24 < 12 ? "AM" : "PM"}`;
    const news = shown.map(({ item }) => `N${item}-${(user + item) % 2 === 0 ? 1 : 0}`).join(" ");
    return [impression + 1, `U${user}`, time, before.map(({ item }) => `N${item}`).join(" "), news].join(
      "\t",
    );
  });
  const news = count(itemCount).map((item) =>
    [
      `N${item}`,
      item % 2 === 0 ? "sports" : "finance",
      `sub ${item % 5}`,
      `Headline "${item}" of the day`,
      "",
      `https://example.com/${item}.html`,
      "[]",
      "[]",
    ].join("\t"),
  );
  const folder = (name: string, rows: string[]): Record<string, string> => ({
    [`MINDsmall_${name}/behaviors.tsv`]: lines(rows),
    [`MINDsmall_${name}/news.tsv`]: lines(news),
  });
  return { ...folder("train", behaviors.slice(0, 110)), ...folder("dev", behaviors.slice(110)) };
};

/** Goodreads (Wan & McAuley 2018): JSON lines in gzip, dates with a zone, lists of objects, numbers as texts. */
export const goodreads: PublishedShape = () => {
  const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const reviews = madeUpEvents.map(({ user, item, likes }, row) => {
    const time = new Date(Date.UTC(2016, 0, 1) + row * 7_200_000);
    const clock = time.toISOString().slice(11, 19);
    const day = String(time.getUTCDate()).padStart(2, "0");
    return JSON.stringify({
      user_id: `u${user}`,
      book_id: String(1000 + item),
      review_id: `r${row}`,
      rating: likes ? 4 + (row % 2) : 1 + (row % 3),
      review_text: "Made up.",
      date_added: `${days[time.getUTCDay()]} ${months[time.getUTCMonth()]} ${day} ${clock} -0700 ${time.getUTCFullYear()}`,
    });
  });
  const books = count(itemCount).map((item) =>
    JSON.stringify({
      book_id: String(1000 + item),
      title: `Book ${item}`,
      authors: [{ author_id: String(item % 7), role: "" }],
      popular_shelves: [
        { count: "30", name: item % 2 === 0 ? "fantasy" : "history" },
        { count: "3", name: "to-read" },
      ],
      publication_year: item % 4 === 0 ? "" : String(1980 + item),
      average_rating: "3.9",
    }),
  );
  return {
    "goodreads_reviews.json.gz": gzipSync(lines(reviews)),
    "goodreads_books.json.gz": gzipSync(lines(books)),
  };
};

/** TALLRec's samples (Bao et al. 2023): JSON lists of instruction, input and output. */
export const tallrec: PublishedShape = () => {
  const samples = madeUpEvents.map(({ user, item, likes }, row) => {
    const before = madeUpEvents.slice(Math.max(0, row - 60), row).filter((event) => event.user === user);
    const told = (liked: boolean): string =>
      before
        .filter((event) => event.likes === liked)
        .map((event) => `"Film ${event.item} (19${50 + event.item})"`)
        .join(", ");
    return {
      instruction:
        'Given the user\'s preference and unpreference, identify whether the user will like the target movie by answering "Yes." or "No.".',
      input: `User Preference: ${told(true)}\nUser Unpreference: ${told(false)}\nWhether the user will like the target movie "Film ${item} (19${50 + item})"?`,
      output: likes ? "Yes." : "No.",
    };
  });
  const list = (from: number, to?: number): string => JSON.stringify(samples.slice(from, to), null, 2);
  return { "train.json": list(0, 300), "valid.json": list(300, 360), "test.json": list(360) };
};
