import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { allowedImports, importedByAll, mayImport } from "./allowed-imports.ts";
import { readWorkspace } from "./workspace.ts";

const root = join(import.meta.dirname, "../../..");
const document = readFileSync(join(root, "docs/architecture.md"), "utf8");
const packages = readWorkspace(root).members.filter(({ group }) => group === "packages");

/** Rows `| \`engine\` | purpose | \`safetensors\` |` of the table, with what each may import besides errors. */
function tableOf(markdown: string): Record<string, string[]> {
  const packagesOnly = markdown.slice(0, markdown.indexOf("\n## "));
  const rows = [...packagesOnly.matchAll(/^\| `(\w+)` +\|[^|\n]*\|([^|\n]*)\|$/gm)];
  return Object.fromEntries(
    rows.map(([, name, imports]) => [name!, [...imports!.matchAll(/`(\w+)`/g)].map(([, other]) => other!)]),
  );
}

/** Arrows `engine --> safetensors` of the picture. */
function arrowsOf(markdown: string): [string, string][] {
  const picture = /```mermaid\n([\s\S]*?)```/.exec(markdown)![1]!;
  return [...picture.matchAll(/^ *(\w+) --> ([\w &]+)$/gm)].flatMap(([, from, targets]) =>
    targets!.split(" & ").map((to): [string, string] => [from!, to]),
  );
}

describe("docs/architecture.md", () => {
  test("its table is the allowed graph", () => {
    const table = tableOf(document);
    const sorted = (graph: Readonly<Record<string, readonly string[]>>): Record<string, readonly string[]> =>
      Object.fromEntries(Object.entries(graph).map(([name, imports]) => [name, [...imports].sort()]));
    const apps = ["train", "serve", "evaluate", "data", "tune", "score", "worker", "console", "docs"];
    const graph = Object.entries(allowedImports).filter(([name]) => !apps.includes(name));
    expect(sorted(table)).toEqual(sorted(Object.fromEntries(graph)));
  });

  test("its picture draws allowed arrows only, and all that do not follow from others", () => {
    const arrows = arrowsOf(document);
    for (const [from, to] of arrows) expect(mayImport(from, to), `${from} --> ${to}`).toBe(true);
    const reached = (from: string): Set<string> =>
      new Set(arrows.filter(([start]) => start === from).flatMap(([, to]) => [to, ...reached(to)]));
    for (const { name } of packages) {
      for (const imported of allowedImports[name] ?? []) expect(reached(name), name).toContain(imported);
    }
  });
});

describe("the allowed graph", () => {
  test("holds every package of the workspace, and no other name", () => {
    const drawn = new Set(Object.keys(allowedImports));
    for (const { name } of packages) expect(drawn).toContain(name);
    for (const imports of Object.values(allowedImports)) {
      for (const imported of imports) expect(drawn).toContain(imported);
    }
  });

  test("has no cycle", () => {
    const visit = (name: string, path: readonly string[]): void => {
      expect(path).not.toContain(name);
      for (const imported of allowedImports[name]!) visit(imported, [...path, name]);
    };
    for (const name of Object.keys(allowedImports)) visit(name, []);
  });

  test("lets everyone import errors, and errors nobody", () => {
    expect(mayImport("alignment", importedByAll)).toBe(true);
    expect(mayImport(importedByAll, importedByAll)).toBe(false);
    expect(allowedImports[importedByAll]).toEqual([]);
  });
});
