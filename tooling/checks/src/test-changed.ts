import { execFileSync, spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { dependentsOf } from "./dependents.ts";
import { memberOf, readWorkspace } from "./workspace.ts";

/**
 * `pnpm test:changed [base] [--training]`: the fast tests that import, however far away, a file which differs from the
 * last commit, or from where the work left the branch `base`; with --training the others too. vitest follows the
 * imports in each project that it is given: here these are the changed packages and their dependents, for speed.
 */
const root = join(import.meta.dirname, "../../..");

/** File names that a git command prints. */
function git(...command: readonly string[]): string[] {
  return execFileSync("git", command, { cwd: root, encoding: "utf8" }).split("\n").filter(Boolean);
}

const { values, positionals } = parseArgs({
  options: { training: { type: "boolean", default: false } },
  allowPositionals: true,
});
const base = positionals[0];
const changed = new Set([
  ...(base === undefined ? [] : git("diff", "--name-only", `${base}...HEAD`)),
  ...git("diff", "--name-only", "HEAD"),
  ...git("ls-files", "--others", "--exclude-standard"),
]);
const workspace = readWorkspace(root);
const related = new Set(changed);
const notFollowed: string[] = [];
for (const file of changed) {
  if (/\.(ts|md)$/.test(file) && file !== "vitest.config.ts") continue;
  const member = memberOf(workspace, file);
  // A golden is read, not imported: all tests of its package stand for it.
  const tests = workspace.files.filter(
    (other) => other.endsWith(".test.ts") && memberOf(workspace, other) === member,
  );
  if (member === undefined) notFollowed.push(file);
  else for (const test of tests) related.add(test);
}
const projects = dependentsOf(workspace, [...changed]).flatMap((name) =>
  values.training ? [name, `${name}:training`] : [name],
);
if (notFollowed.length > 0) {
  process.stdout.write(
    `test:changed: no import leads to ${notFollowed.join(", ")}; \`pnpm test\` runs every test\n`,
  );
}
if (projects.length === 0) {
  process.stdout.write("test:changed: no package differs\n");
} else {
  const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
  // Files share processes, which saves a third of the work; `pnpm test` gives each its own.
  const command = [
    vitest,
    "related",
    "--run",
    "--no-isolate",
    ...projects.map((name) => `--project=${name}`),
    ...related,
  ];
  process.exitCode = spawnSync(process.execPath, command, { cwd: root, stdio: "inherit" }).status ?? 1;
}
