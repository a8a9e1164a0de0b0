import { expect, test } from "vitest";
import { scoreDistributionOf } from "./score-distribution.ts";

test("different answers are a tenth a bin, and each bin ends with its decile", () => {
  const probabilities = Float32Array.from({ length: 100 }, (_, i) => ((i * 37) % 100) / 128);
  const { count, edges, shares, shareToLlm } = scoreDistributionOf(probabilities, 0.25);
  expect([count, shareToLlm]).toEqual([100, 0.25]);
  expect(edges).toEqual([9, 19, 29, 39, 49, 59, 69, 79, 89].map((x) => x / 128));
  for (const share of shares) expect(share).toBeCloseTo(0.1);
});

test("alike answers share a bin, and the shares of all are 1", () => {
  const { edges, shares } = scoreDistributionOf([0.5, 0.5, 0.5, 0.9], 0);
  expect(edges.slice(0, 7)).toEqual(Array(7).fill(0.5));
  expect(shares).toEqual([0.75, 0, 0, 0, 0, 0, 0, 0.25, 0, 0]);
});
