import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readManifest, verifyFiles, writeManifest } from "./manifest.ts";

async function check(path: string): Promise<void> {
  await verifyFiles(path, await readManifest(path));
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "corella-"));
  await mkdir(join(path, "llm"));
  await writeFile(join(path, "a.json"), "{}");
  await writeFile(join(path, "llm/weights"), "0123456789");
  await writeManifest(path);
  return path;
}

test("an untouched folder is whole, whatever its depth", async () => {
  await expect(check(await folder())).resolves.toBeUndefined();
});

test("a missing, a cut and a changed file are named, and so is a folder that is no bundle", async () => {
  const missing = await folder();
  await rm(join(missing, "a.json"));
  await expect(check(missing)).rejects.toMatchObject({
    code: "bundle/damaged",
    place: join(missing, "a.json"),
  });

  const cut = await folder();
  await truncate(join(cut, "llm/weights"), 3);
  await expect(check(cut)).rejects.toThrow(/3 bytes instead of 10/);

  const changed = await folder();
  await writeFile(join(changed, "llm/weights"), "0123456780");
  await expect(check(changed)).rejects.toThrow(/SHA-256/);

  const none = await mkdtemp(join(tmpdir(), "corella-"));
  await expect(check(none)).rejects.toMatchObject({ code: "bundle/missing" });

  const foreign = await folder();
  const manifest = JSON.parse(await readFile(join(foreign, "manifest.json"), "utf8")) as object;
  await writeFile(join(foreign, "manifest.json"), JSON.stringify({ ...manifest, format: 2 }));
  await expect(check(foreign)).rejects.toMatchObject({ code: "bundle/format" });
});
