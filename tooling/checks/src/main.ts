import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkWorkspace } from "./check-workspace.ts";
import { publishedFields, publishedMembers } from "./published-manifest.ts";
import { formatViolation } from "./violation.ts";
import { readWorkspace } from "./workspace.ts";

/**
 * `pnpm check`: prints a line for each broken rule of the house, and fails when there is one. With `--write-manifests`
 * it first writes into each published manifest what follows from the repository's own package.json;
 * `pnpm format` then puts the fields in order.
 */
const root = join(import.meta.dirname, "../../..");
if (process.argv.includes("--write-manifests")) {
  const workspace = readWorkspace(root);
  for (const { folder } of publishedMembers(workspace)) {
    const file = join(root, folder, "package.json");
    const fields = publishedFields(workspace.manifest, folder);
    const manifest = JSON.parse(readFileSync(file, "utf8")) as object;
    if (fields !== undefined) writeFileSync(file, `${JSON.stringify({ ...manifest, ...fields }, null, 2)}\n`);
  }
}
const violations = checkWorkspace(root);
for (const violation of violations) process.stdout.write(`${formatViolation(violation)}\n`);
process.stdout.write(
  violations.length === 0 ? "check: no violations\n" : `check: ${violations.length} violations\n`,
);
process.exitCode = violations.length === 0 ? 0 : 1;
