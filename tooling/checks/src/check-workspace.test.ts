import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { checkWorkspace } from "./check-workspace.ts";
import { formatViolation } from "./violation.ts";

const roots: string[] = [];

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

/** A repository in a temporary folder with these files on top of a small clean one; undefined removes a file. */
function violationsOf(changes: Readonly<Record<string, string | undefined>>): string[] {
  const root = mkdtempSync(join(tmpdir(), "corella-checks-"));
  roots.push(root);
  execFileSync("git", ["init", "--quiet"], { cwd: root });
  for (const [file, content] of Object.entries({ ...cleanTree, ...changes })) {
    if (content === undefined) continue;
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), content);
  }
  return checkWorkspace(root).map(formatViolation);
}

function manifest(
  name: string,
  dependencies: readonly string[],
  devDependencies: readonly string[] = [],
): string {
  const versions = (names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.map((dependency) => [dependency, "1.0.0"]));
  return JSON.stringify({
    name,
    private: true, // published-manifest.test.ts has what is published
    dependencies: versions(dependencies),
    devDependencies: versions(devDependencies),
  });
}

const cleanTree: Readonly<Record<string, string>> = {
  "package.json": manifest("root", [], ["vitest"]),
  "packages/errors/package.json": manifest("@corella/errors", []),
  "packages/errors/src/index.ts": "export const code = 1;\n",
  "packages/metrics/package.json": manifest("@corella/metrics", ["@corella/errors"]),
  "packages/metrics/src/index.ts": 'export { auc } from "./auc.ts";\n',
  "packages/metrics/src/auc.ts": 'import { code } from "@corella/errors";\nexport const auc = code;\n',
  "packages/metrics/src/auc.test.ts":
    'import { test } from "vitest";\nimport { auc } from "@corella/metrics";\ntest("x", () => void auc);\n',
  "packages/routing/package.json": manifest("@corella/routing", ["@corella/metrics", "zod"]),
  "packages/routing/src/index.ts":
    'import type { auc } from "@corella/metrics";\nimport { z } from "zod/v4";\nimport { join } from "node:path";\nexport type A = typeof auc;\nexport { join, z };\n',
  "apps/serve/package.json": manifest("@corella/serve", ["@corella/routing"]),
  "apps/serve/src/main.ts": 'const routing = await import("@corella/routing");\nvoid routing;\n',
};

function readme(command: string): string {
  return `# x\n\n<!-- test-command -->\n\n\`\`\`sh\n${command}\n\`\`\`\n`;
}

test("a clean tree has no violation", () => {
  expect(violationsOf({})).toEqual([]);
});

describe("imports", () => {
  test("an example imports whatever is public, and declares it", () => {
    const example = (dependencies: readonly string[]): Record<string, string> => ({
      "examples/crm/package.json": manifest("corella-example-crm", dependencies),
      "examples/crm/main.ts": 'import "@corella/errors";\nimport "@corella/metrics";\n',
    });
    expect(violationsOf(example(["@corella/errors", "@corella/metrics"]))).toEqual([]);
    expect(violationsOf(example(["@corella/errors"]))).toEqual([
      "examples/crm/main.ts:2  undeclared  @corella/metrics is not a dependency; add it to dependencies in examples/crm/package.json",
    ]);
  });

  test("against the arrows", () => {
    expect(
      violationsOf({
        "packages/metrics/package.json": manifest("@corella/metrics", [
          "@corella/errors",
          "@corella/safetensors",
        ]),
        "packages/metrics/src/late.ts": '\nexport type T = import("@corella/safetensors").T;\n',
        "packages/safetensors/package.json": manifest("@corella/safetensors", []),
        "packages/safetensors/src/index.ts": "export type T = 1;\n",
      }),
    ).toEqual([
      "packages/metrics/src/late.ts:2  direction  metrics may not import safetensors; it may import errors, random; move the code, or change the graph in tooling/checks/src/allowed-imports.ts",
    ]);
  });

  test("against the arrows in a test, which may skip some of them but not turn them round", () => {
    expect(
      violationsOf({
        "packages/crm/package.json": manifest(
          "@corella/crm",
          [],
          ["@corella/safetensors", "@corella/routing"],
        ),
        "packages/crm/src/index.ts": "export type A = 1;\n",
        "packages/crm/src/goldens.test.ts": 'import "@corella/safetensors";\nimport "@corella/routing";\n',
        "packages/safetensors/package.json": manifest("@corella/safetensors", []),
      }).map((line) => line.split(";")[0]),
    ).toEqual(["packages/crm/src/goldens.test.ts:2  direction  crm may not import routing"]);
  });

  test("around an entry point: deep, relative, absolute, of itself by name", () => {
    expect(
      violationsOf({
        "packages/routing/src/deep.ts":
          'export * from "@corella/metrics/src/auc.ts";\nimport "../../metrics/src/auc.ts";\nimport "@corella/routing";\nimport "/etc/a.js";\n',
      }),
    ).toEqual([
      'packages/routing/src/deep.ts:1  entry-point  deep import of @corella/metrics/src/auc.ts; import from "@corella/metrics" and export it from its src/index.ts',
      "packages/routing/src/deep.ts:2  entry-point  ../../metrics/src/auc.ts leaves packages/routing; import the other package by its name",
      "packages/routing/src/deep.ts:3  entry-point  routing imports itself by name; import the file that defines it",
      "packages/routing/src/deep.ts:4  entry-point  imports the absolute path /etc/a.js; import a package by its name",
    ]);
  });

  test("by a subpath, where the manifest exports it", () => {
    const exported = { ".": {}, "./calibration": {} };
    const metrics = { ...JSON.parse(manifest("@corella/metrics", ["@corella/errors"])), exports: exported };
    expect(
      violationsOf({
        "packages/metrics/package.json": JSON.stringify(metrics),
        "packages/routing/src/deep.ts":
          'export * from "@corella/metrics/calibration";\nexport * from "@corella/metrics/auc";\n',
      }),
    ).toEqual([
      'packages/routing/src/deep.ts:2  entry-point  deep import of @corella/metrics/auc; import from "@corella/metrics" and export it from its src/index.ts',
    ]);
  });

  test("in a cycle", () => {
    const lines = violationsOf({
      "packages/metrics/package.json": manifest("@corella/metrics", ["@corella/errors", "@corella/routing"]),
      "packages/metrics/src/back.ts": 'export * from "@corella/routing";\n',
    });
    expect(lines.filter((line) => line.includes("  cycle  "))).toEqual([
      "packages/metrics/src/back.ts:1  cycle  cycle routing -> metrics -> routing; remove one of these imports",
    ]);
  });

  test("of what is not declared, and declared but not imported", () => {
    expect(
      violationsOf({
        "packages/routing/package.json": manifest(
          "@corella/routing",
          ["@corella/errors", "zod"],
          ["left-pad"],
        ),
        "packages/routing/src/pad.ts": 'import "left-pad";\nimport "vitest";\n',
        "packages/routing/src/pad.test.ts":
          'import "left-pad";\nimport "vitest";\nimport "@corella/errors";\n',
      }),
    ).toEqual([
      "packages/routing/package.json:1  unused  @corella/errors is declared but only tests import it; move it to devDependencies",
      "packages/routing/src/index.ts:1  undeclared  @corella/metrics is not a dependency; add it to dependencies in packages/routing/package.json",
      "packages/routing/src/pad.ts:1  undeclared  left-pad is not a dependency; add it to dependencies in packages/routing/package.json",
      "packages/routing/src/pad.ts:2  undeclared  vitest is not a dependency; add it to dependencies in packages/routing/package.json",
    ]);
    expect(
      violationsOf({
        "packages/routing/src/index.ts": 'import "zod";\nexport {};\n',
        "apps/serve/src/main.ts": 'import "@corella/router";\n',
      }),
    ).toEqual([
      "apps/serve/package.json:1  unused  @corella/routing is declared but nothing imports it; remove it",
      "apps/serve/src/main.ts:1  unknown-package  there is no @corella/router in the workspace; correct the name",
      "packages/routing/package.json:1  unused  @corella/metrics is declared but nothing imports it; remove it",
    ]);
  });

  test("of a test by a source", () => {
    expect(violationsOf({ "packages/metrics/src/use.ts": 'export * from "./auc.test.ts";\n' })).toEqual([
      "packages/metrics/src/use.ts:1  test-import  imports the test file ./auc.test.ts; move what is shared into a source file",
    ]);
  });

  test("tooling imports anything, and nothing imports tooling", () => {
    expect(
      violationsOf({
        "tooling/bench/package.json": manifest("@corella/bench", ["@corella/metrics"]),
        "tooling/bench/src/main.ts": 'import "@corella/metrics";\nimport "vitest";\n',
        "apps/serve/package.json": manifest("@corella/serve", ["@corella/bench"]),
        "apps/serve/src/main.ts": 'import "@corella/bench";\n',
      }).map((line) => line.split("  ").slice(0, 2).join(" ")),
    ).toEqual(["apps/serve/src/main.ts:1 direction"]);
  });

  test("a package outside the graph", () => {
    expect(violationsOf({ "packages/fresh/package.json": manifest("@corella/fresh", []) })).toEqual([
      "packages/fresh/package.json:1  undrawn  fresh is not in the allowed graph; draw it in tooling/checks/src/allowed-imports.ts and docs/architecture.md",
    ]);
  });
});

describe("what a source may not hold", () => {
  test("commands, in messages of packages; comments and apps may name them", () => {
    const source = (name: string): string =>
      [
        `/** \`pnpm train\` calls it. */`,
        `export function ${name}(code: number): string {`,
        "  return `${code}: go on with --resume or ${code}, or with pnpm train`;",
        "}",
      ].join("\n");
    expect(
      violationsOf({
        "packages/metrics/src/advice.ts": source("advice"),
        "packages/metrics/src/advice.test.ts": source("advice"),
        "apps/serve/src/advice.ts": source("advice"),
      }),
    ).toEqual([
      "packages/metrics/src/advice.ts:3  command  a message speaks of --resume; say what is to be done; the app names its command",
      "packages/metrics/src/advice.ts:3  command  a message speaks of pnpm; say what is to be done; the app names its command",
    ]);
  });

  test("an exported function of a package without a doc comment", () => {
    expect(
      violationsOf({
        "packages/metrics/src/sum.ts": "export function sum(): void {}\n",
        "packages/metrics/src/sum.test-helper.ts": "export function sum(): void {}\n",
        "apps/serve/src/sum.ts": "export function sum(): void {}\n",
      }),
    ).toEqual([
      "packages/metrics/src/sum.ts:1  comment  sum has no doc comment; say in a sentence that stands alone what it is for, with shapes and units",
    ]);
  });

  test("paths of one machine, outside tests; registries, everywhere", () => {
    const home = ["", "home", "me"].join("/");
    const registry = ["https://", "registry."].join("");
    expect(
      violationsOf({
        "packages/metrics/src/paths.ts": `export const a = "${home}/data";\nexport const b = "x${home}";\n`,
        "packages/metrics/src/paths.test.ts": `export const a = "${home}/data";\n`,
        "docs/install.md": `use ${registry}example.org/\n`,
      }),
    ).toEqual([
      `docs/install.md:1  registry  the package registry "${registry}" is named; leave the registry to each machine's npm settings`,
      `packages/metrics/src/paths.ts:1  machine-path  the path ${home} exists on one machine only; make it relative, an argument or os.tmpdir()`,
    ]);
  });
});

describe("what the repository may not hold", () => {
  test("vague names", () => {
    expect(
      violationsOf({
        "packages/metrics/src/utils/sum.ts": "export const sum = 0;\n",
        "packages/metrics/src/types.ts": "export type A = 1;\n",
      }),
    ).toEqual([
      "packages/metrics/src/utils:1  vague-name  a folder named utils; name it after what it holds",
    ]);
  });

  test("Python outside its homes, big files, ratings that may not be passed on", () => {
    expect(
      violationsOf({
        "tooling/bench/peers/run.py": "pass\n",
        "tooling/reference/make.py": "pass\n",
        "packages/metrics/check.py": "pass\n",
        "data/movietweetings-100k/ratings.dat": "1".repeat(2_000_000),
        "docs/big.txt": "1".repeat(1_500_001),
        "data/ml-1m/users.dat": "1::F\n",
        "configs/ml-1m.yaml": "name: ml-1m\n",
        "data/small/u.data": "1\n",
      }),
    ).toEqual([
      "data/ml-1m/users.dat:1  foreign-data  looks like MovieLens data, which may not be passed on; remove it from git",
      "data/small/u.data:1  foreign-data  looks like MovieLens data, which may not be passed on; remove it from git",
      "docs/big.txt:1  big-file  1.5 MB, above 1.5 MB; make it in a script or smaller",
      "packages/metrics/check.py:1  python  Python outside its homes; move it to tooling/reference/ or tooling/bench/",
    ]);
  });

  test("a README or a CI script with another test command", () => {
    const ci = "#!/usr/bin/env bash\nstep tests npx --yes pnpm@12 test || true\n";
    expect(violationsOf({ "README.md": readme("npx --yes pnpm@12 test"), ".ci/run": ci })).toEqual([]);
    expect(
      violationsOf({ "README.md": readme("pnpm test"), ".ci/run": "vitest run\n" }).map((line) =>
        line.split("  ").slice(0, 2).join(" "),
      ),
    ).toEqual([".ci/run:1 test-command", "README.md:3 test-command"]);
    expect(violationsOf({ "README.md": "# x\n" })).toHaveLength(1);
  });
});
