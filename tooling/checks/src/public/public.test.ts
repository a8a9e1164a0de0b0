import { expect, test } from "vitest";
import { checkPublic } from "./check-public.ts";

const member = {
  folder: "packages/x",
  group: "packages",
  name: "x",
  manifest: { name: "@corella/x", exports: { ".": { source: "./src/index.ts" } } },
};

function problems(files: Readonly<Record<string, string>>): string[] {
  return checkPublic({ members: [member] }, new Map(Object.entries(files))).map(
    ({ file, line, problem }) => `${file}:${line} ${problem}`,
  );
}

test("what is exported without a comment is found where it is declared, through every re-export", () => {
  expect(
    problems({
      "packages/x/src/index.ts":
        'export { a, b as c } from "./a.ts";\nexport * from "./b/index.ts";\nexport { tf } from "./tf.ts";\nexport { gone } from "./a.ts";',
      "packages/x/src/a.ts": "/** Does. */\nexport function a(): void {}\nexport const b = 1;",
      "packages/x/src/tf.ts": 'import tf from "tf";\n/** Another package. */\nexport { tf };',
      "packages/x/src/b/index.ts": 'export type { D } from "./d.ts";',
      "packages/x/src/b/d.ts": "/** Documented. */\nexport interface E {}\nexport interface D {}",
    }),
  ).toEqual([
    "packages/x/src/a.ts:3 c of @corella/x has no doc comment",
    "packages/x/src/b/d.ts:3 D of @corella/x has no doc comment",
    "packages/x/src/a.ts:1 gone of @corella/x has no doc comment",
  ]);
});

test("one comment is enough for an overloaded function", () => {
  const signatures =
    "export function a(x: 1): void;\nexport function a(x: 2): void;\nexport function a(): void {}";
  expect(problems({ "packages/x/src/index.ts": `/** Does. */\n${signatures}` })).toEqual([]);
  expect(problems({ "packages/x/src/index.ts": signatures })).toHaveLength(3);
});
