import { join } from "node:path";
import { checkWorkspace, writeGenerated } from "./check-workspace.ts";
import { formatViolation } from "./violation.ts";

/**
 * `pnpm check`: prints a line for each broken rule of the house, and fails when there is one. With `--write` it first
 * writes what is made from the sources; `pnpm format` then puts the fields of manifests in order.
 */
const root = join(import.meta.dirname, "../../..");
if (process.argv.includes("--write")) writeGenerated(root);
const violations = checkWorkspace(root);
for (const violation of violations) process.stdout.write(`${formatViolation(violation)}\n`);
process.stdout.write(
  violations.length === 0 ? "check: no violations\n" : `check: ${violations.length} violations\n`,
);
process.exitCode = violations.length === 0 ? 0 : 1;
