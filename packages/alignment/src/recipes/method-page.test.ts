import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const read = (path: string): string => readFileSync(join(import.meta.dirname, path), "utf8");

test("docs/method.md leads from the paper to the lines of the recipe, in the recipe's order", () => {
  const lines = read("corella.ts").split("\n");
  const rows = [...read("../../../../docs/method.md").matchAll(/^\|[^|]+\| `([^`]+)` +\| +(\d+) \|$/gm)];
  expect(rows.length).toBeGreaterThan(12);
  // A page that a change of the recipe has left behind: these are the lines as they should be.
  const told = rows.map(([, code, line]) => [code, Number(line)]);
  let after = 0;
  const found = rows.map(([, code]) => {
    const at = lines.findIndex(
      (text, index) => index >= after && text.includes(code!) && !/^import|^ \*/.test(text),
    );
    if (at >= 0) after = at;
    return [code, at + 1];
  });
  expect(told).toEqual(found);
});

test("the recipe fits 350 lines", () => {
  expect(read("corella.ts").split("\n").length).toBeLessThanOrEqual(350);
});
