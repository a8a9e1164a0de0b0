import type { StatisticConfig } from "./config.ts";

/** Statistics of every value, kind of key and encoding; for random logs in tests. */
export const statisticsOfEveryKind: StatisticConfig[] = [
  { name: "item_mean", type: "statistic", value: "mean", by: "item", encoding: "both", buckets: 4 },
  { name: "user_share", type: "statistic", value: "mean", of: "label", by: "user", prior: 0 },
  { name: "genres_mean", type: "statistic", value: "mean", by: "item.genres", prior: 2, encoding: "both" },
  { name: "user_by_genre", type: "statistic", value: "mean", of: "label", by: ["user", "item.genres"] },
  { name: "item_by_gender", type: "statistic", value: "deviation", by: ["item", "user.gender"], prior: 1 },
  { name: "user_deviation", type: "statistic", value: "deviation", by: "user" },
  {
    name: "year_deviation",
    type: "statistic",
    value: "deviation",
    of: "label",
    by: "item.year",
    halfLife: "1d",
  },
  { name: "user_by_years", type: "statistic", value: "deviation", by: ["user", "item.year/5"] },
  { name: "age_group", type: "statistic", value: "count", by: "user.age/12.5" },
  { name: "recent_mean", type: "statistic", value: "mean", by: "item", halfLife: "0.25d" },
  {
    name: "recent_count",
    type: "statistic",
    value: "count",
    by: "user",
    halfLife: "0.25d",
    encoding: "buckets",
  },
  { name: "genre_count", type: "statistic", value: "count", by: "item.genres" },
  { name: "device_mean", type: "statistic", value: "mean", by: ["item", "device"] },
  { name: "price_last", type: "statistic", value: "last", by: ["user", "context.price/2"] },
  { name: "item_pause", type: "statistic", value: "sinceLast", by: "item", encoding: "both" },
  { name: "user_pause", type: "statistic", value: "sinceLast", by: ["user", "item.genres[0]"] },
  { name: "last", type: "statistic", value: "last", by: "user" },
  {
    name: "last_liked",
    type: "statistic",
    value: "last",
    of: "label",
    by: "item.genres",
    encoding: "buckets",
  },
];
