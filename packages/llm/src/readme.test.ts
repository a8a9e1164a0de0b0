import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";

test("the README's example runs", async () => {
  const source = fileURLToPath(new URL(".", import.meta.url));
  const readme = await readFile(join(source, "../README.md"), "utf8");
  const example = /```ts\n(.*?)```/s.exec(readme)![1]!;
  const folder = await mkdtemp(join(source, "readme-"));
  const log = vi.spyOn(console, "log").mockReturnValue();
  try {
    const file = join(folder, "example.ts");
    await writeFile(file, example.replace(`"@corella/llm"`, `"../index.ts"`));
    await import(/* @vite-ignore */ file);
    const scores = log.mock.calls[0]![0] as Float32Array;
    expect(scores.length).toBe(2);
    for (const score of scores) expect(score).toBeGreaterThan(0);
  } finally {
    log.mockRestore();
    await rm(folder, { recursive: true, force: true });
  }
});
