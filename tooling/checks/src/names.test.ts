import { expect, test } from "vitest";
import { checkNames } from "./names.ts";
import { formatViolation } from "./violation.ts";

test("TypeScript in another case, another suffix of test helpers; data may be called anything", () => {
  const files = [
    "packages/metrics/src/rankSum.ts",
    "packages/metrics/src/Rank/rank_sum.ts",
    "packages/metrics/src/sums.test-fixture.ts",
    "packages/metrics/src/sums.test-helper.ts",
    "packages/metrics/src/goldens/Two_Folds.json",
    "packages/metrics/src/v2/rank-sum.golden.test.ts",
    "packages/metrics/vite.config.ts",
  ];
  expect(checkNames(files).map(formatViolation)).toEqual([
    "packages/metrics/src/rankSum.ts:1  kebab-case  rankSum.ts is not in kebab-case; rename it like-this",
    "packages/metrics/src/Rank:1  kebab-case  Rank is not in kebab-case; rename it like-this",
    "packages/metrics/src/Rank/rank_sum.ts:1  kebab-case  rank_sum.ts is not in kebab-case; rename it like-this",
    "packages/metrics/src/sums.test-fixture.ts:1  test-helper  another suffix for what tests share; end it in .test-helper.ts",
  ]);
});
