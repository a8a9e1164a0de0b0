import type { Reporter, TestModule } from "vitest/node";

/**
 * Prints why tests were skipped, one `skipped: <reason>` a reason, which failed, one `failed: <file> > <test>` each, and the
 * run's last line: `N passed, N failed, N skipped`. A module that fails to load counts as one failure.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const skippedByReason = new Map<string, number>();
    const failed = unhandledErrors.map(() => "an error outside all tests");
    for (const module of modules) {
      if (module.errors().length > 0) {
        count.failed += 1;
        failed.push(`${module.relativeModuleId} does not load`);
      }
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === "passed") count.passed += 1;
        else if (result.state === "failed") {
          count.failed += 1;
          failed.push(`${module.relativeModuleId} > ${test.fullName}`);
        } else {
          count.skipped += 1;
          // `context.skip("reason")` says why; of other skips the test's name must.
          const reason = (result.state === "skipped" ? result.note : undefined) ?? test.fullName;
          skippedByReason.set(reason, (skippedByReason.get(reason) ?? 0) + 1);
        }
      }
    }
    const lines = [
      ...[...skippedByReason].map(
        ([reason, tests]) => `skipped: ${reason}${tests > 1 ? ` (${tests} tests)` : ""}\n`,
      ),
      ...failed.map((name) => `failed: ${name}\n`),
    ];
    const summary = `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`;
    // After the default reporter's own summary.
    process.on("exit", () => {
      process.stdout.write(`\n${lines.join("")}${summary}`);
    });
  }
}
