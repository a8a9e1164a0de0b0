import ts from "typescript";
import { expect, test } from "vitest";
import { findComments } from "./comments.ts";

function complaints(...lines: readonly string[]): string[] {
  const source = ts.createSourceFile("a.ts", lines.join("\n"), ts.ScriptTarget.ESNext, true);
  return findComments(source).map(({ line, text }) => `${line} ${text}`);
}

test("an exported function has a doc comment, however it is written and exported", () => {
  expect(
    complaints(
      "export function a(): void {}",
      "// not a doc comment",
      "export const b = (): void => {};",
      "export const c = 1;",
      "function inner(): void {}",
      "function d(): void {}",
      "export { d as e };",
      "/** Adds two numbers. */",
      "export function f(x: number): number;",
      "export function f(x: string): string;",
      "export function f(x: unknown): unknown { return x; }",
      'export { g } from "./g.ts";',
    ),
  ).toEqual(["1 a has no doc comment", "3 b has no doc comment", "6 d has no doc comment"]);
});

test("no comment of an exported declaration leans on another", () => {
  expect(
    complaints(
      "/** The same for rows. */",
      "export function a(): void {}",
      "/**",
      " * Of a table, by row.",
      " */",
      "export interface B {}",
      "/** By row. */",
      "export const c = 1, d = 2;",
      "/** Often asked. */",
      "export type E = 1;",
      "/** As before. */",
      "function inner(): void {}",
    ),
  ).toEqual([
    '2 the comment of a begins with "The same"',
    '6 the comment of B begins with "Of"',
    '8 the comment of c, d begins with "By"',
  ]);
});
