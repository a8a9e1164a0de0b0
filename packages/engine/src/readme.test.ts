import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

test("the README's example trains, saves, resumes with the same bits and exports", async () => {
  const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
  const source = /```ts\n([\s\S]*?)```/.exec(readme)![1]!.replace('"@corella/engine"', '"./index.ts"');
  // Beside the sources, so that it is compiled as they are.
  const path = join(import.meta.dirname, `.readme-example-${process.pid}.ts`);
  const folder = mkdtempSync(join(tmpdir(), "corella-readme-"));
  writeFileSync(path, source);
  try {
    const { example } = (await import(path)) as {
      example(folder: string): Promise<{ loss: number; resumedLoss: number }>;
    };
    const { loss, resumedLoss } = await example(folder);
    expect(loss).toBeLessThan(0.2);
    expect(resumedLoss).toBe(loss);
    expect(existsSync(join(folder, "model.onnx"))).toBe(true);
  } finally {
    rmSync(path);
    rmSync(folder, { recursive: true });
  }
});
