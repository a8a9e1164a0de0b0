import type { Violation } from "./violation.ts";

/** One command installs and runs all tests, for a reader of the README and for CI alike. */
export const testCommand = "npx --yes pnpm@12 test";

const marker = "<!-- test-command -->";

/** The README's block behind the marker is the test command, and CI runs that very line. */
export function checkTestCommand(
  readme: string | undefined,
  ciScript: string | undefined,
): readonly Violation[] {
  const violations: Violation[] = [];
  if (readme !== undefined) {
    const start = readme.indexOf(marker);
    const block = start < 0 ? null : /^\s*```\w*\n([\s\S]*?)\n```/.exec(readme.slice(start + marker.length));
    if (block?.[1]?.trim() !== testCommand) {
      violations.push({
        file: "README.md",
        line: start < 0 ? 1 : readme.slice(0, start).split("\n").length,
        rule: "test-command",
        problem: `no code block that is exactly "${testCommand}" behind ${marker}`,
        remedy: "put the marker right before the block of the test command",
      });
    }
  }
  if (ciScript !== undefined && !` ${ciScript} `.includes(` ${testCommand} `)) {
    violations.push({
      file: ".ci/run",
      line: 1,
      rule: "test-command",
      problem: `does not run "${testCommand}"`,
      remedy: "run the README's command, as it stands",
    });
  }
  return violations;
}
