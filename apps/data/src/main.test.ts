import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "corella-data-app-"));

function data(...options: string[]): { status: number | null; stdout: string; stderr: string } {
  const main = join(import.meta.dirname, "main.ts");
  return spawnSync(process.execPath, ["--conditions=source", "--import", "tsx", main, ...options], {
    cwd: join(import.meta.dirname, "../../.."),
    encoding: "utf8",
  });
}

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
  expect(html.match(/<svg/g)).toHaveLength(5);
  const warm = data(...options);
  expect(warm.stderr).toMatch(/^Found prepared/);
  expect(warm.stdout).toBe(cold.stdout);
  expect(readFileSync(page, "utf8")).toBe(html);
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
])("%s is one clear error", (_, options, code, hint) => {
  const { status, stderr } = data(...options);
  expect(status).toBe(1);
  expect(stderr).toContain(`error [${code}]`);
  expect(stderr).toContain(hint);
  expect(stderr).not.toContain("    at ");
});
