import { join } from "node:path";
import { checkWorkspace } from "./check-workspace.ts";
import { formatViolation } from "./violation.ts";

/** `pnpm check`: prints a line for each broken rule of the house, and fails when there is one. */
const violations = checkWorkspace(join(import.meta.dirname, "../../.."));
for (const violation of violations) process.stdout.write(`${formatViolation(violation)}\n`);
process.stdout.write(
  violations.length === 0 ? "check: no violations\n" : `check: ${violations.length} violations\n`,
);
process.exitCode = violations.length === 0 ? 0 : 1;
