import { join } from "node:path";
import { type DataConfig, parseDataConfig } from "./config.ts";

const moviesWithGenres = { item: 0, title: 1, genres: { column: 2, type: "list", separator: "|" } } as const;
const unquoted = { delimiter: "::", quote: "" } as const;

/** MovieTweetings: a folder with ratings.dat and movies.dat (MIT licence). Ratings 0 to 10; liked from 8. */
export function movieTweetings(folder: string): DataConfig {
  return parseDataConfig({
    source: {
      ratings: {
        path: join(folder, "ratings.dat"),
        ...unquoted,
        columns: { user: 0, item: 1, rating: 2, time: 3 },
      },
      items: { path: join(folder, "movies.dat"), ...unquoted, columns: moviesWithGenres, titleYear: true },
    },
    label: { threshold: 8 },
    history: { maxLength: 30, ties: "exclude" },
  });
}

/**
 * MovieLens-1M: `ml-1m.zip` as GroupLens publishes it, or the folder unpacked (research licence: never redistribute).
 * Ratings 1 to 5; liked from 4; samples need 5 earlier ratings, as in ReLLa's preprocessing.
 */
export function movieLens1M(path: string): DataConfig {
  const file = (name: string) => ({ ...movieLensFile("ml-1m", path, name), encoding: "latin1" }) as const;
  return parseDataConfig({
    source: {
      ratings: { ...file("ratings.dat"), ...unquoted, columns: { user: 0, item: 1, rating: 2, time: 3 } },
      items: { ...file("movies.dat"), ...unquoted, columns: moviesWithGenres, titleYear: true },
      users: {
        ...file("users.dat"),
        ...unquoted,
        columns: { user: 0, gender: 1, age: 2, occupation: 3, zip: 4 },
      },
    },
    label: { threshold: 4 },
    filter: { minHistory: 5 },
    history: { maxLength: 30, ties: "order" },
  });
}

const genres100K =
  "unknown Action Adventure Animation Children's Comedy Crime Documentary Drama Fantasy Film-Noir Horror Musical Mystery Romance Sci-Fi Thriller War Western".split(
    " ",
  );

/** MovieLens-100K: `ml-100k.zip` or the folder unpacked (research licence: never redistribute). */
export function movieLens100K(path: string): DataConfig {
  const file = (name: string) =>
    ({ ...movieLensFile("ml-100k", path, name), encoding: "latin1", quote: "" }) as const;
  return parseDataConfig({
    source: {
      ratings: {
        ...file("u.data"),
        delimiter: "\t",
        columns: { user: 0, item: 1, rating: 2, time: 3 },
      },
      items: {
        ...file("u.item"),
        delimiter: "|",
        columns: { item: 0, title: 1 },
        flags: { genres: { firstColumn: 5, names: genres100K } },
        titleYear: true,
      },
      users: {
        ...file("u.user"),
        delimiter: "|",
        columns: { user: 0, age: { column: 1, type: "number" }, gender: 2, occupation: 3, zip: 4 },
      },
    },
    label: { threshold: 4 },
    filter: { minHistory: 5 },
    history: { maxLength: 30, ties: "order" },
  });
}

/** The MovieLens data sets that are published as CSV files with headers, all in one layout. */
export type MovieLensCsvSet = "ml-20m" | "ml-25m" | "ml-32m" | "ml-latest" | "ml-latest-small";

/**
 * MovieLens as GroupLens publishes it since 2015: the zip of that name or the folder unpacked, with ratings.csv and
 * movies.csv (research licence: never redistribute). Half stars, 0.5 to 5; liked from 4; samples need 5 earlier ratings.
 */
export function movieLensCsv(set: MovieLensCsvSet, path: string): DataConfig {
  const file = (name: string) => ({ ...movieLensFile(set, path, name), header: true }) as const;
  return parseDataConfig({
    source: {
      ratings: {
        ...file("ratings.csv"),
        columns: { user: "userId", item: "movieId", rating: "rating", time: "timestamp" },
      },
      items: {
        ...file("movies.csv"),
        columns: {
          item: "movieId",
          title: "title",
          genres: { column: "genres", type: "list", separator: "|", missing: "(no genres listed)" },
        },
        titleYear: true,
      },
    },
    label: { threshold: 4 },
    filter: { minHistory: 5 },
    history: { maxLength: 30, ties: "order" },
  });
}

/**
 * Amazon Reviews (2018, "v2"), Books: a folder with Books_5.json.gz and meta_Books.json.gz. Liked with 5 stars; users with
 * 60 and items with 40 reviews or more, as in KAR's preprocessing. `brand` holds the author.
 */
export function amazonBooks(folder: string): DataConfig {
  const jsonLines = {
    format: "jsonl",
    whereToGet:
      "Download Books_5.json.gz and meta_Books.json.gz from https://nijianmo.github.io/amazon (cite Ni, Li, McAuley 2019; ask there for the terms) and give their folder.",
  } as const;
  return parseDataConfig({
    source: {
      ratings: {
        path: join(folder, "Books_5.json.gz"),
        ...jsonLines,
        columns: { user: "reviewerID", item: "asin", rating: "overall", time: "unixReviewTime" },
      },
      items: {
        path: join(folder, "meta_Books.json.gz"),
        ...jsonLines,
        columns: {
          item: "asin",
          title: "title",
          author: "brand",
          categories: { column: "category", type: "list" },
        },
        cleanHtml: true,
      },
    },
    label: { threshold: 5 },
    filter: { kCoreUsers: 60, kCoreItems: 40 },
    history: { maxLength: 60, ties: "exclude" },
  });
}

/** A file of a MovieLens data set: in the zip as GroupLens publishes it, or in the folder unpacked from it. */
function movieLensFile(
  set: string,
  path: string,
  name: string,
): { path: string; member?: string; whereToGet: string } {
  const whereToGet = `Download https://files.grouplens.org/datasets/movielens/${set}.zip (research use, no redistribution: read its README) and give its path.`;
  return path.endsWith(".zip")
    ? { path, member: `${set}/${name}`, whereToGet }
    : { path: join(path, name), whereToGet };
}
