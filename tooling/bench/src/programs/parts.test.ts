import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseRunConfig } from "@corella/alignment";
import { expect, test } from "vitest";
import { type PartsFeature, writeParts } from "./parts.ts";

test("a column says what it tells, and attributes that are numbers say which", async () => {
  const folder = mkdtempSync(join(tmpdir(), "corella-parts-"));
  const ratings = Array.from({ length: 40 }, (_, i) => `u${i % 4},f${i % 5},${i % 3},${i}`);
  const films = ["f0,1990,Drama", "f1,1991,War", "f2,1990,War", "f3,1993,Drama", "f4,,War"];
  writeFileSync(join(folder, "ratings.csv"), ratings.join("\n"));
  writeFileSync(join(folder, "films.csv"), films.join("\n"));
  const config = parseRunConfig(
    {
      data: {
        source: {
          ratings: { path: "ratings.csv", columns: { user: 0, item: 1, rating: 2, time: 3 } },
          items: { path: "films.csv", columns: { item: 0, year: 1, genre: 2 } },
        },
        label: { threshold: 1 },
      },
      features: [
        { name: "who", type: "categorical", field: "user" },
        { name: "film", type: "categorical", field: "item" },
        { name: "year", type: "categorical", field: "item.year" },
        { name: "genre", type: "categorical", field: "item.genre" },
        { name: "past", type: "sequence", field: "history.item", maxLength: 5, pooling: "mean" },
        { name: "length", type: "numeric", field: "history.length", transform: "log" },
        { name: "mean", type: "statistic", value: "mean", by: "item", encoding: "both" },
      ],
      crm: { model: "DCNv2" },
      recipe: "crm-only",
    },
    "test",
  );
  await writeParts({ config, baseFolder: folder }, folder);
  const parts = JSON.parse(readFileSync(join(folder, "parts.json"), "utf8")) as {
    features: PartsFeature[];
    folders: Record<string, string>;
  };
  const origins = parts.features.map(({ name, type, origin }) => `${name} ${type} ${origin}`);
  expect(origins).toEqual([
    "who categorical user",
    "film categorical item",
    "year categorical attribute",
    "genre categorical attribute",
    "past sequence history",
    "length numeric history",
    "mean numeric statistic",
    "mean_bucket categorical statistic",
  ]);
  // Ids by descending count in the training part: two films of 1990, one of each other year.
  const numbered = parts.features.filter(({ numbers }) => numbers !== undefined);
  expect(numbered.map(({ name, numbers }) => [name, numbers])).toEqual([
    ["year", [null, null, 1990, 1991, 1993]],
  ]);
  expect(Object.keys(parts.folders)).toEqual(["train", "valid", "test"]);
});
