// Ratings, made up here, into a bundle: `pnpm train` does the same with a log of your own.
import { writeFile } from "node:fs/promises";
import { loadRunConfig, train } from "@corella/alignment";
import { createGenerator } from "@corella/random";

// A film is liked by nine of ten, by six, by four or by two.
const genres = ["Comedy", "Thriller", "Documentary", "Romance"];
const liking = [0.9, 0.6, 0.4, 0.2];
const chance = createGenerator(1, "ratings", 0);
const items = Array.from({ length: 40 }, (_, item) => `f${item},Film ${item},${genres[item % 4]}`);
const ratings = Array.from({ length: 2000 }, (_, row) => {
  const [user, item] = [chance.integer(80), chance.integer(40)];
  const likes = chance.uniform() < liking[item % 4]!;
  return `u${user},f${item},${likes ? 5 : 2},${1_700_000_000 + 600 * row}`;
});
await writeFile("items.csv", ["item,title,genre", ...items].join("\n"));
await writeFile("ratings.csv", ["user,item,rating,time", ...ratings].join("\n"));

const { config, baseFolder } = await loadRunConfig("films.yaml");
const { bundleFolder } = await train(config, { baseFolder, runFolder: "run", configText: "" });
console.log(`bundle: ${bundleFolder}`);
