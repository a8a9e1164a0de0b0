import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";

const packageFolder = join(import.meta.dirname, "..");

test("the README's example runs and prints what it says", async () => {
  const readme = await readFile(join(packageFolder, "README.md"), "utf8");
  const example = /```ts\n([\s\S]*?)```/.exec(readme)![1]!;
  await mkdir(join(packageFolder, ".cache"), { recursive: true });
  const folder = await mkdtemp(join(packageFolder, ".cache", "readme-"));
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  try {
    const runnable = example
      .replace('"@corella/safetensors"', JSON.stringify(join(import.meta.dirname, "index.ts")))
      .replaceAll('"model.safetensors"', JSON.stringify(join(folder, "model.safetensors")));
    await writeFile(join(folder, "example.ts"), `${runnable}\nexport const rowBytes = data.length;\n`);
    const { rowBytes } = (await import(join(folder, "example.ts"))) as { rowBytes: number };
    expect(rowBytes).toBe(16);
    expect(log.mock.calls).toEqual([
      [
        ["weight", "half"],
        [3, 2],
      ],
      [Float32Array.of(0.5, 1.5)],
    ]);
  } finally {
    log.mockRestore();
    await rm(folder, { recursive: true });
  }
});
