import { knownFailures } from "./exclusions.ts";
import { families, familyOf } from "./families.ts";
import type { Result } from "./suite.ts";

export interface FamilyShare {
  readonly family: string;
  readonly passed: number;
  readonly run: number;
}

export interface Summary {
  /** Families with at least one test, and all of them together as `total`. */
  readonly shares: readonly FamilyShare[];
  /** Failures recorded with a reason, and those that are new. */
  readonly known: readonly { readonly name: string; readonly reason: string }[];
  readonly unexpected: readonly Result[];
  /** Numbers of tests that were not run, by reason, most frequent first. */
  readonly excluded: readonly { readonly reason: string; readonly count: number }[];
}

export function summarize(results: readonly Result[]): Summary {
  const run = results.filter(({ outcome }) => outcome !== "excluded");
  const share = (family: string, tests: readonly Result[]): FamilyShare => ({
    family,
    passed: tests.filter(({ outcome }) => outcome === "passed").length,
    run: tests.length,
  });
  const shares = families.map((family) =>
    share(
      family,
      run.filter(({ file }) => familyOf(file) === family),
    ),
  );
  const failed = run.filter(({ outcome }) => outcome === "failed");
  const counts = new Map<string, number>();
  for (const { outcome, message } of results)
    if (outcome === "excluded") counts.set(message, (counts.get(message) ?? 0) + 1);
  return {
    shares: [...shares.filter((family) => family.run > 0), share("total", run)],
    known: failed.flatMap(({ name }) => {
      const reason = knownFailures.get(name);
      return reason === undefined ? [] : [{ name, reason }];
    }),
    unexpected: failed.filter(({ name }) => !knownFailures.has(name)),
    excluded: Array.from(counts, ([reason, count]) => ({ reason, count })).toSorted(
      (a, b) => b.count - a.count,
    ),
  };
}

/** The lines that the command prints, and the tables of docs/results/op-tests.md. */
export function asMarkdown({ shares, known, unexpected, excluded }: Summary): string {
  const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string => {
    const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i]!.length)));
    const line = (cells: readonly string[]): string =>
      `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
    return [line(heads), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
  };
  const parts = [
    table(
      ["family", "passed", "run", "share"],
      shares.map(({ family, passed, run }) => [
        family,
        String(passed),
        String(run),
        run === 0 ? "" : `${((100 * passed) / run).toFixed(1)} %`,
      ]),
    ),
  ];
  if (unexpected.length > 0)
    parts.push(
      table(
        ["new failures", "file", "tests", "first"],
        byReason(unexpected).map(({ reason, tests }) => [
          reason,
          tests[0]!.file,
          String(tests.length),
          tests[0]!.name,
        ]),
      ),
    );
  if (known.length > 0)
    parts.push(
      table(
        ["known failure", "reason"],
        known.map(({ name, reason }) => [name, reason]),
      ),
    );
  if (excluded.length > 0)
    parts.push(
      table(
        ["not run, because", "tests"],
        excluded.map(({ reason, count }) => [reason, String(count)]),
      ),
    );
  return `${parts.join("\n\n")}\n`;
}

/** Groups failures whose messages differ in numbers only, largest group first. */
function byReason(failures: readonly Result[]): { reason: string; tests: Result[] }[] {
  const groups = new Map<string, Result[]>();
  for (const failure of failures) {
    const [line] = failure.message.split("\n");
    const reason = line!.replace(/-?\d+(\.\d+)?(e[+-]?\d+)?/g, "#").slice(0, 120);
    groups.set(reason, [...(groups.get(reason) ?? []), failure]);
  }
  return Array.from(groups, ([reason, tests]) => ({ reason, tests })).toSorted(
    (a, b) => b.tests.length - a.tests.length,
  );
}
