import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command, type CommandResult } from "@corella/terminal/testing";
import { expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "corella-data-app-"));

const data = (...options: string[]): CommandResult => command("data", ...options);

test("a configuration's data are summarised and drawn; skipped rows are counted, and found again when warm", () => {
  // Ten rows of two users a day apart, and two bad ones.
  const rows = Array.from(
    { length: 10 },
    (_, i) => `u${i % 2},i${i % 5},${i < 4 ? 5 : 1},${86_400 * (i + 1)}`,
  );
  rows.splice(3, 0, "u1,i1,much,86400", "u1,i1,3,-1");
  writeFileSync(join(folder, "ratings.csv"), rows.join("\n"));
  const config = join(folder, "small.yaml");
  writeFileSync(
    config,
    `data:
  source: { ratings: { path: ratings.csv, columns: { user: 0, item: 1, rating: 2, time: 3 }, onBadRow: skip } }
  label: { threshold: 4 }
`,
  );
  const page = join(folder, "small.html");
  const options = [config, "--out", page, "--cache", join(folder, "cache")];
  const cold = data(...options);
  expect(cold.stderr).toMatch(/^Read and prepared in/);
  expect(cold.status).toBe(0);
  for (const line of [
    /^rows +10$/m,
    /^users +2$/m,
    /^items +5$/m,
    /^density +100 %$/m,
    /^from +1970-01-02$/m,
    /^samples +8 +1 +1$/m,
    /^positive +4 \(50\.0 %\) +0 \(0\.0 %\) +0 \(0\.0 %\)$/m,
    /^history, mean +1\.5 +4\.0 +4\.0$/m, // 0 0 1 1 2 2 3 3 | 4 | 4
    /^skipped from ratings: the rating is not a number: "much" +1 +\S*ratings\.csv:4, column 3/m,
    /^skipped from ratings: the time is not between 1970 and 2100 in seconds: "-1" +1 +\S*ratings\.csv:5, column 4/m,
  ]) {
    expect(cold.stdout).toMatch(line);
  }
  const html = readFileSync(page, "utf8");
  expect(html.match(/<svg/g)).toHaveLength(5); // one validation sample: there is no AUC to draw
  expect(cold.stdout).toMatch(/^item_liked +statistic +–$/m);
  const warm = data(...options);
  expect(warm.stderr).toMatch(/^Found prepared/);
  expect(warm.stdout).toBe(cold.stdout);
  expect(readFileSync(page, "utf8")).toBe(html);
});

test("each feature is drawn by what it says alone, and what knows the answer is warned of", () => {
  // 400 rows of one item each; whether it was bought stands in the table of items, and so does its number.
  const bought = (row: number): boolean => (row * 7) % 10 < (row % 4 === 0 ? 8 : 3);
  const rows = Array.from({ length: 400 }, (_, i) => i);
  writeFileSync(
    join(folder, "sales.csv"),
    rows.map((i) => `u${i % 25},i${i},${bought(i) ? 5 : 1},${1e9 + 86_400 * (i + 1)}`).join("\n"),
  );
  writeFileSync(
    join(folder, "offers.csv"),
    rows
      .map((i) => `i${i},${bought(i) ? "gone" : "there"},${1000 + i},${i % 4 === 0 ? "red" : "grey"}`)
      .join("\n"),
  );
  const config = join(folder, "leak.yaml");
  const source = `data:
  source:
    ratings: { path: sales.csv, columns: { user: 0, item: 1, rating: 2, time: 3 } }
    items: { path: offers.csv, columns: { item: 0, stock: 1, order: 2, colour: 3 } }
  label: { threshold: 4 }
`;
  writeFileSync(
    config,
    `${source}features:
  - { name: colour, type: categorical, field: item.colour }
  - { name: stock, type: categorical, field: item.stock }
  - { name: order, type: categorical, field: item.order }
  - { name: user_mean, type: statistic, value: mean, by: user }
`,
  );
  const page = join(folder, "leak.html");
  const options = [config, "--out", page, "--cache", join(folder, "cache")];
  const { status, stdout, stderr } = data(...options);
  expect(status).toBe(0);
  const warnings = stderr.split("\n").filter((line) => line.startsWith("warning: "));
  expect(warnings).toHaveLength(2);
  expect(warnings[0]).toMatch(/"stock" alone has an AUC of 1\.0000/);
  expect(warnings[1]).toMatch(/"order" is nearly a key of the sample: 100\.0 distinct/);
  expect(stdout).toMatch(/^stock +categorical +1\.0000$\n^colour +categorical +0\.\d{4}$/m);
  const html = readFileSync(page, "utf8");
  expect(html.match(/<svg/g)).toHaveLength(7);
  expect(html).toContain("<h2>Warnings</h2>");

  expect(stdout).toMatch(/^item\.colour +text +400 \(100\.0 %\) +0 \(0\.0 %\) +2$/m);
  expect(stdout).toMatch(/^item\.order +text +400 \(100\.0 %\) +400 \(100\.0 %\) +400$/m);
  // The middle rows of the parts: 160, 340 and 380.
  expect(stdout).toMatch(
    /^a sample +train +validation +test$\n^ +user u10, item i160, label 1 +user u15, item i340, label 1 +user u5, item i380, label 1$/m,
  );
  expect(stdout).toMatch(/^colour +red +red +red$/m);
  expect(stdout).toMatch(/^order +1160 +\(unseen\) +\(unseen\)$/m);
  expect(stdout).toMatch(
    /^train: Below is the rating history of a user: .*whether the user will like "i160"/m,
  );

  const plain = data(
    "--config",
    config,
    ...options.slice(1),
    "--no-features",
    "--set",
    "data.split.shares=[0.5, 0.25, 0.25]",
  );
  expect(plain.stdout).toMatch(/^samples +200 +100 +100$/m);
  expect(plain.stderr).not.toContain("warning");
  expect(plain.stdout).not.toContain("alone on validation");

  writeFileSync(config, `${source}features: [{ name: colour, type: categorial, field: item.colour }]\n`);
  const refused = data(...options);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain("error [config/invalid]");
  expect(refused.stderr).toContain("features");
});

test("nothing in the embedded data is warned of, with the features of its configuration", () => {
  const page = join(folder, "embedded.html");
  const { stdout, stderr } = data("movietweetings", "--out", page, "--cache", join(folder, "cache"));
  expect(stderr).not.toContain("warning");
  expect(stdout).toMatch(/^item_recent +statistic +0\.\d{4}$/m); // a feature that only the configuration names
});

test.each([
  [
    "a preset whose files are not there",
    ["ml-1m", "nowhere.zip"],
    "data/missing-file",
    "files.grouplens.org",
  ],
  ["an unknown preset", ["ml-1n"], "data/unknown-preset", "Did you mean ml-1m?"],
  ["a path beside a configuration", ["configs/ml-1m.yaml", "ml-1m.zip"], "data/path-twice", "Leave it out"],
  [
    "a page in a folder that is a file",
    ["movietweetings", "--out", "package.json/page.html"],
    "file/system",
    "choose another path",
  ],
  ["a configuration that is not there", ["nowhere.yaml"], "config/missing", "nowhere.yaml"],
  ["no source", [], "data/no-source", "movietweetings"],
  ["two sources", ["ml-1m", "--config", "configs/ml-1m.yaml"], "data/no-source", "Which data, ml-1m or"],
  [
    "a setting that is none",
    ["movietweetings", "--set", "history.ties=sometimes"],
    "config/invalid",
    "history.ties",
  ],
])("%s is one clear error", (_, options, code, hint) => {
  const { status, stderr } = data(...options);
  expect(status).toBe(1);
  expect(stderr).toContain(`error [${code}]`);
  expect(stderr).toContain(hint);
  expect(stderr).not.toContain("    at ");
});
