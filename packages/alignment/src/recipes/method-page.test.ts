import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const read = (path: string): string => readFileSync(join(import.meta.dirname, path), "utf8");

test.each([
  ["method.md", "corella.ts", 12],
  ["ctrl.md", "ctrl.ts", 4],
  ["tallrec.md", "tallrec.ts", 6],
  ["p5.md", "p5.ts", 6],
])("docs/%s leads from the paper to the lines of %s, in the recipe's order", (page, recipe, least) => {
  const lines = read(recipe).split("\n");
  const rows = [
    ...read(`../../../../docs/${page}`).matchAll(/^\|[^|]+\| `([^`]+)` +\| +\[(\d+)\]\(\S+#L\2\) \|$/gm),
  ];
  expect(rows.length).toBeGreaterThan(least);
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
