import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../../..");
const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");

/** What a vitest run of these test files prints with our reporter, and how it exits. */
function run(files: Readonly<Record<string, string>>): {
  readonly lines: string[];
  readonly failed: boolean;
} {
  mkdirSync(join(root, ".cache"), { recursive: true });
  const folder = mkdtempSync(join(root, ".cache", "reporter-"));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    const reporters = ["default", join(import.meta.dirname, "summary-reporter.ts")];
    writeFileSync(
      join(folder, "vitest.config.ts"),
      `export default ${JSON.stringify({ test: { reporters } })};\n`,
    );
    const command = [vitest, "run", "--root", folder];
    let output: string;
    let failed = false;
    try {
      output = execFileSync(process.execPath, command, { cwd: folder, encoding: "utf8", stdio: "pipe" });
    } catch (error) {
      failed = true;
      output = (error as { stdout: string }).stdout;
    }
    return { lines: output.trimEnd().split("\n"), failed };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("the last line counts, and reasons of skipped tests stand before it", () => {
  const { lines, failed } = run({
    "some.test.ts": [
      'import { expect, test } from "vitest";',
      'test("adds", () => expect(1 + 1).toBe(2));',
      'test("needs a GPU", ({ skip }) => skip("no GPU here"));',
      'test("needs a GPU too", ({ skip }) => skip("no GPU here"));',
      'test.skipIf(true)("with goldens (absent here)", () => {});',
    ].join("\n"),
  });
  expect(failed).toBe(false);
  expect(lines.slice(-3)).toEqual([
    "skipped: no GPU here (2 tests)",
    "skipped: with goldens (absent here)",
    "1 passed, 0 failed, 3 skipped",
  ]);
});

test("failing tests and files that do not load are failures, named before the last line", () => {
  const { lines, failed } = run({
    "wrong.test.ts": 'import { expect, test } from "vitest";\ntest("adds", () => expect(1 + 1).toBe(3));\n',
    "broken.test.ts": 'import "./absent.ts";\n',
  });
  expect(failed).toBe(true);
  expect(lines.slice(-3).toSorted()).toEqual([
    "0 passed, 2 failed, 0 skipped",
    "failed: broken.test.ts does not load",
    "failed: wrong.test.ts > adds",
  ]);
  expect(lines.at(-1)).toBe("0 passed, 2 failed, 0 skipped");
});
