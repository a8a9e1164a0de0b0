import { expect, test } from "vitest";
import { checkErrors, currentErrorPage, errorsFile } from "./check-errors.ts";
import { findErrors } from "./find-errors.ts";

const found = (text: string, others: Readonly<Record<string, string>> = {}) => {
  const { sites, unknown } = findErrors(new Map(Object.entries({ "packages/x/src/a.ts": text, ...others })));
  return {
    told: sites.map(({ code, messages, remedies, by }) => [code, messages, remedies, by ?? ""]),
    unknown: unknown.map(({ line }) => line),
  };
};

test("an error's code, words and function are read, with what comes in from elsewhere as a gap", () => {
  expect(
    found(`
      const remedy = "Mend " + "it.";
      function check(size: number, file: File): void {
        throw new CorellaError({ code: size > 1 ? "x/large" : "x/small", message: \`\${size} in \${file.path}, \${f()}.\`, remedy });
      }`).told,
  ).toEqual([
    ["x/large", ["{size} in {path}, {…}."], ["Mend it."], "check"],
    ["x/small", ["{size} in {path}, {…}."], ["Mend it."], "check"],
  ]);
});

test("what is passed to a function that makes errors is read where it is called, also from another file", () => {
  const factory = `
    export function fail(kind: string, { message, remedy = "Wait." }: Words): CorellaError {
      return new CorellaError({ code: \`x/no-\${kind}\`, message, remedy });
    }
    const here = () => fail("a", { message: "No a." });`;
  const { told, unknown } = found(factory, {
    "packages/x/src/b.ts":
      'import { fail } from "./a.ts";\nfunction there() { throw fail("b", { message: "No b.", remedy: "Bring b." }); }',
    "packages/x/src/c.ts": 'function fail() {}\nfail("c", { message: "Another function." });',
  });
  expect(unknown).toEqual([]);
  expect(told.map(([code, messages, , by]) => [code, messages, by])).toEqual([
    ["x/no-a", ["No a."], "here"],
    ["x/no-b", ["No b."], "there"],
  ]);
});

test("errors that are made again of others' parts are none of their own; a code that nothing tells is", () => {
  expect(
    found(
      "function f(error) { const { code, message } = error; throw new CorellaError({ code, message }); }",
    ),
  ).toEqual({ told: [], unknown: [] });
  expect(
    found('\nfunction g() { throw new CorellaError({ code: read(), message: "What?" }); }').unknown,
  ).toEqual([2]);
});

test("the catalogue has every code and no other, with cause and remedy", () => {
  const source = 'throw new CorellaError({ code: "x/one", message: "One <b>.", remedy: "Count." });';
  const texts = new Map([["packages/x/src/a.ts", source]]);
  const page = currentErrorPage(texts);
  expect(page).toMatch(
    /^### x\/one\n\n- One &lt;b>\. \(`packages\/x\/src\/a\.ts`\)\n\n\*\*What to do:\*\* Count\.$/m,
  );
  const problems = (of: ReadonlyMap<string, string>, told: string): string[] =>
    checkErrors(new Map([...of, [errorsFile, told]]))
      .filter(({ file }) => file === errorsFile)
      .map(({ problem }) => problem);
  expect(problems(texts, page)).toEqual([]);
  expect(problems(texts, page.replaceAll("x/one", "x/two"))).toEqual([
    "x/one has no entry",
    "nothing makes x/two",
  ]);
  expect(problems(texts, page.replace("Count.", "Guess."))).toEqual(["it says other than the sources"]);
  const silent = new Map([
    ["packages/x/src/a.ts", 'throw new CorellaError({ code: "x/one", message: why });'],
  ]);
  expect(problems(silent, currentErrorPage(silent))).toEqual([
    "x/one tells no cause",
    "x/one tells no remedy",
  ]);
});
