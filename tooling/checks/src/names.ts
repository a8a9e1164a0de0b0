import { basename } from "node:path";
import type { Violation } from "./violation.ts";
import { isTest } from "./workspace.ts";

const kebabCase = /^[a-z\d]+(-[a-z\d]+)*(\.[a-z\d]+(-[a-z\d]+)*)*$/;

/** TypeScript files and their folders are named in kebab-case; what only tests use ends in `.test-helper.ts`. */
export function checkNames(files: readonly string[]): readonly Violation[] {
  const violations = new Map<string, Violation>();
  const report = (file: string, rule: string, problem: string, remedy: string): void => {
    violations.set(file, { file, line: 1, rule, problem, remedy });
  };
  for (const file of files.filter((name) => name.endsWith(".ts"))) {
    const parts = file.split("/");
    for (const [index, part] of parts.entries()) {
      if (!kebabCase.test(part))
        report(
          parts.slice(0, index + 1).join("/"),
          "kebab-case",
          `${part} is not in kebab-case`,
          "rename it like-this",
        );
    }
    if (/\.(test-|fixture|helper)/.test(basename(file)) && !isTest(file))
      report(file, "test-helper", "another suffix for what tests share", "end it in .test-helper.ts");
  }
  return [...violations.values()];
}
