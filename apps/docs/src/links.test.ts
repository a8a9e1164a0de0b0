import { expect, test } from "vitest";
import { pageOf, replaceLinks } from "./links.ts";

test("every file of the repository has a page of its own", () => {
  const files = [
    "docs/a.md",
    "docs/results/a.md",
    "packages/x/README.md",
    "SECURITY.md",
    "docs/security.md",
    "docs/decisions",
  ];
  expect(files.map(pageOf)).toEqual([
    "a.md",
    "results/a.md",
    "packages/x.md",
    "repository/SECURITY.md",
    "security.md",
    "decisions/index.md",
  ]);
  expect(pageOf("packages/x/src/y.ts")).toBe("source/packages/x/src/y.ts.md");
  expect(pageOf(".github/workflows/ci.yml")).toBe("source/github/workflows/ci.yml.md");
});

test("links to files are replaced, those in code, to other sites and within the page are not", () => {
  const text = [
    "[a](../x/y.ts#L3) and [`b`](c.md) and ![d](images/d.png), `[e](e.md)`",
    "[f](https://g.org/h) [i](#j)",
    "```md",
    "[k](k.md)",
    "```",
    '<img src="l.svg">',
  ].join("\n");
  const found: string[] = [];
  const replaced = replaceLinks("docs/page.md", text, ({ file, anchor, line }) => {
    found.push(`${line} ${file}${anchor}`);
    return `<${file}>`;
  });
  expect(found).toEqual(["1 x/y.ts#L3", "1 docs/c.md", "1 docs/images/d.png", "6 docs/l.svg"]);
  expect(replaced.split("\n")).toEqual([
    "[a](<x/y.ts>) and [`b`](<docs/c.md>) and ![d](<docs/images/d.png>), `[e](e.md)`",
    "[f](https://g.org/h) [i](#j)",
    "```md",
    "[k](k.md)",
    "```",
    '<img src="<docs/l.svg>">',
  ]);
});
