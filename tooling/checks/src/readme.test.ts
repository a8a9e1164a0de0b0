import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const repository = join(import.meta.dirname, "../../..");
const packages = join(repository, "packages");

interface Example {
  readonly name: string;
  readonly code: string;
  /** What its comments say that it prints, line by line. */
  readonly printed: readonly string[];
}

async function examples(): Promise<Example[]> {
  const found: Example[] = [];
  for (const name of await readdir(packages)) {
    const path = join(packages, name, "README.md");
    const code = existsSync(path) && /```ts\n([\s\S]*?)```/.exec(await readFile(path, "utf8"))?.[1];
    if (!code) continue;
    const printed = [...code.matchAll(/console\.log.*; \/\/ (.*)/g)].map((match) => match[1]!);
    // Those that say nothing of the kind need a configuration or a trained bundle.
    if (printed.length > 0) found.push({ name, code, printed });
  }
  return found;
}

/** Runs it as a user would, in an empty folder beside which the repository's data are; its standard output. */
async function run({ name, code }: Example, folder: string): Promise<string> {
  const file = join(folder, "example.ts");
  await writeFile(file, code);
  await symlink(join(repository, "data"), join(folder, "data"));
  const command = ["--conditions=source", "--import", import.meta.resolve("tsx"), file];
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: folder });
  for (const [, written] of code.matchAll(/"([\w-]+\.onnx)"/g))
    expect(existsSync(join(folder, written!)), `${written!} of ${name}`).toBe(true);
  return stdout;
}

const all = await examples();

describe("the first example of a README", () => {
  test("is there", () => {
    expect(all.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["crm", "engine", "llm", "modality", "routing"]),
    );
  });

  test.concurrent.each(all)(
    "of $name prints what its comments say",
    async (example) => {
      // Inside the package, so that its name and its dependencies resolve.
      const cache = join(packages, example.name, ".cache");
      await mkdir(cache, { recursive: true });
      const folder = await mkdtemp(join(cache, "readme-"));
      try {
        // Training a tokenizer prints empty lines.
        const lines = (await run(example, folder)).split("\n").filter((line) => line.trim() !== "");
        expect(lines).toEqual(example.printed);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
    240_000,
  ); // all at once, some of them train
});

test("the engine's example fits forty lines of code", () => {
  const { code } = all.find(({ name }) => name === "engine")!;
  const lines = code.split("\n").filter((line) => line.trim() !== "" && !line.trim().startsWith("//"));
  expect(lines.length).toBeLessThanOrEqual(40);
});
