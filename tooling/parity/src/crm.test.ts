import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execFile } from "node:child_process";
import { expect, test } from "vitest";

const repository = join(import.meta.dirname, "../../..");
const goldens = join(repository, "packages/crm/src/goldens");

/** Runs the command as a user would. */
async function parity(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const main = join(import.meta.dirname, "main.ts");
  const command = ["--conditions=source", "--import", "tsx", main, ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, command, { cwd: repository }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  await mkdir(join(repository, ".cache"), { recursive: true });
  const folder = await mkdtemp(join(repository, ".cache", "parity-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("the bundled goldens are within tolerance", async () => {
  const { code, out } = await parity(goldens, "--runtime", "onnxruntime");
  expect(out).toMatch(/^autoint \(onnxruntime\)\s+grad\s+\S+e-\d+\s+\S+e-\d+$/m);
  expect(out).toContain(" 0 beyond tolerance");
  expect(code).toBe(0);
});

test("another formula is beyond tolerance, and a foreign folder is refused", async () => {
  await inFolder(async (folder) => {
    await copyFile(join(goldens, "autoint.safetensors"), join(folder, "autoint.safetensors"));
    const info = await readFile(join(goldens, "autoint.json"), "utf8");
    await writeFile(join(folder, "autoint.json"), info.replace('"use_scale": false', '"use_scale": true'));
    const { code, out } = await parity(folder, "--runtime", "onnxruntime");
    expect(out).toMatch(/^autoint \(onnxruntime\)\s+logit .*BEYOND$/m);
    expect(code).toBe(1);
  });
  await inFolder(async (folder) => {
    const { code, err } = await parity(folder);
    expect(err).toContain("error [parity/foreign-folder]");
    expect(code).toBe(2);
  });
});
