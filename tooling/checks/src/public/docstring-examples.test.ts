import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import ts from "typescript";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readWorkspace } from "../workspace.ts";
import { examplesOf, type DocExample } from "./examples.ts";
import { publicSymbols } from "./public-symbols.ts";

const repository = join(import.meta.dirname, "../../../..");
const workspace = readWorkspace(repository);
const texts = new Map(
  workspace.files
    .filter((file) => /^packages\/.*\.ts$/.test(file))
    .map((file) => [file, readFileSync(join(repository, file), "utf8")]),
);
const examples = examplesOf(publicSymbols(workspace, texts));

const folders = new Map<string, string>();
let files: readonly (readonly [DocExample, string])[];

beforeAll(async () => {
  files = await Promise.all(
    examples.map(async (example, index) => {
      // Inside the package, so that its name and its dependencies resolve.
      const cache = join(repository, example.folder, ".cache");
      await mkdir(cache, { recursive: true });
      const folder = await mkdtemp(join(cache, "examples-"));
      folders.set(folder, example.folder);
      const path = join(folder, `${example.name}-${index}.ts`);
      await writeFile(path, example.code);
      return [example, path] as const;
    }),
  );
});

afterAll(() => Promise.all([...folders.keys()].map((folder) => rm(folder, { recursive: true }))));

test("the examples of all packages print what their comments say", async () => {
  const packages = workspace.members.filter(({ group }) => group === "packages").map(({ folder }) => folder);
  expect([...new Set(examples.map(({ folder }) => folder))]).toEqual(packages);
  // One process for all: most of the time goes into loading the engine.
  const mark = "\u001E";
  const run = `for (const file of process.argv.slice(1)) { await import(file); process.stdout.write(${JSON.stringify(mark)}); }`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      "--conditions=source",
      "--import",
      import.meta.resolve("tsx"),
      "--input-type=module",
      "--eval",
      run,
      ...files.map(([, path]) => path),
    ],
    { cwd: repository },
  );
  // Training a tokenizer prints empty lines.
  const printed = stdout.split(mark).map((text) => text.split("\n").filter((line) => line.trim() !== ""));
  const told = files.map(([{ name }], index) => [name, printed[index]]);
  expect(told).toEqual(files.map(([{ name, printed: lines }]) => [name, lines]));
});

test("the examples of all packages have the types that they show", () => {
  const configFile = join(repository, "tooling/tsconfig/base.json");
  const { options } = ts.parseJsonConfigFileContent(
    { extends: configFile, files: files.map(([, path]) => path) },
    ts.sys,
    repository,
  );
  const program = ts.createProgram(
    files.map(([, path]) => path),
    { ...options, noEmit: true, typeRoots: [join(repository, "node_modules/@types")] },
  );
  const problems = files.flatMap(([{ name }, path]) =>
    program
      .getSemanticDiagnostics(program.getSourceFile(path))
      .map(({ messageText }) => `${name}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`),
  );
  expect(problems).toEqual([]);
});
