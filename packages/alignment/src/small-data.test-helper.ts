import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createGenerator } from "@corella/random";

/** A small log: user u likes the items of its own parity. */
export async function writeSmallData(folder: string): Promise<void> {
  const random = createGenerator(1, "log");
  const rows = Array.from({ length: 600 }, (_, row) => {
    const user = random.integer(20);
    const item = random.integer(30);
    const rating = user % 2 === item % 2 ? 4 + random.integer(2) : 1 + random.integer(3);
    return `${user},${item},${rating},${1000 + row}`;
  });
  const items = Array.from(
    { length: 30 },
    (_, item) => `${item}|${item % 2 ? "Odd" : "Even"} film ${item} (${1990 + item})`,
  );
  await writeFile(join(folder, "ratings.csv"), rows.join("\n"));
  await writeFile(join(folder, "items.csv"), items.join("\n"));
}

/** `data` and `features` of its configuration. */
export const smallData: { readonly data: object; readonly features: readonly object[] } = {
  data: {
    source: {
      ratings: { path: "ratings.csv", columns: { user: 0, item: 1, rating: 2, time: 3 } },
      items: { path: "items.csv", delimiter: "|", columns: { item: 0, title: 1 }, titleYear: true },
    },
    label: { threshold: 4 },
    history: { maxLength: 5 },
  },
  features: [
    { name: "user", type: "categorical", field: "user" },
    { name: "item", type: "categorical", field: "item" },
    {
      name: "past",
      type: "sequence",
      field: "history.item",
      maxLength: 5,
      pooling: "mean",
      shareWith: "item",
    },
  ],
};
