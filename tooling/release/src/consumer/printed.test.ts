import { expect, test } from "vitest";
import { printedByReadme, printedDifferences } from "./printed.ts";

test("the block of text is what a README says is printed", () => {
  expect(printedByReadme("# x\n\n```sh\nnpm start\n```\n\n```text\na 1\nb\n```\n")).toBe("a 1\nb");
  expect(printedByReadme("# x\n")).toBeUndefined();
});

test("decimals may differ a little, whole numbers, words and lines may not", () => {
  expect(printedDifferences("AUC 0.79 [.77, .81]\n", "\nAUC 0.80 [.76, .81]  \n\n")).toEqual([]);
  expect(printedDifferences("AUC 0.79", "AUC 0.75")).toEqual(['said "AUC 0.79", printed "AUC 0.75"']);
  expect(printedDifferences("16 of 16 right", "15 of 16 right")).toHaveLength(1);
  expect(printedDifferences("policy: none", "policy: threshold")).toHaveLength(1);
  expect(printedDifferences("p 0.5", "p NaN")).toHaveLength(1);
  expect(printedDifferences("a\nb", "a")).toEqual(["2 lines are said, 1 printed:\na"]);
});
