import { access, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";

const packageFolder = join(import.meta.dirname, "..");

test("the README's example runs and prints what its comment says", async () => {
  const readme = await readFile(join(packageFolder, "README.md"), "utf8");
  const example = /```ts\n([\s\S]*?)```/.exec(readme)![1]!;
  const expected = [...example.matchAll(/console\.log.*; \/\/ (.*)/g)].map((match) => match[1]);
  await mkdir(join(packageFolder, ".cache"), { recursive: true });
  const folder = await mkdtemp(join(packageFolder, ".cache", "readme-"));
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  try {
    const runnable = example
      .replace('"@corella/crm"', JSON.stringify(join(import.meta.dirname, "index.ts")))
      .replace('"crm.onnx"', JSON.stringify(join(folder, "crm.onnx")));
    await writeFile(join(folder, "example.ts"), runnable);
    await import(join(folder, "example.ts"));
    expect(log.mock.calls.map((values) => values.join(" "))).toEqual(expected);
    await access(join(folder, "crm.onnx"));
  } finally {
    log.mockRestore();
    await rm(folder, { recursive: true });
  }
});
