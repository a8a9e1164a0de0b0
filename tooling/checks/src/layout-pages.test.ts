import { expect, test } from "vitest";
import { checkLayoutPages } from "./layout-pages.ts";
import { formatViolation } from "./violation.ts";

test("a page that leaves a folder out; folders of data and packages without a page need no name", () => {
  const files = [
    "docs/layout-metrics.md",
    "packages/metrics/src/index.ts",
    "packages/metrics/src/rank/sums/sum.ts",
    "packages/metrics/src/charts/draw.ts",
    "packages/metrics/src/files/folds/read.ts",
    "packages/metrics/src/goldens/two.json",
    "packages/routing/src/fit/fit.ts",
  ];
  const page =
    "- `rank/` ranks, with sums/\n- [`charts/`](../packages/metrics/src/charts)\n- `files/folds/read.ts`\n";
  expect(checkLayoutPages(files, () => page).map(formatViolation)).toEqual([
    "docs/layout-metrics.md:1  layout  does not name `rank/sums/` of packages/metrics/src; say what lives there",
  ]);
});
