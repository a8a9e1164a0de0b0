import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { codeKey, hashOfFolders } from "./code-key.ts";

test("code is known by its contents, without its tests", async () => {
  const folder = mkdtempSync(join(tmpdir(), "corella-code-"));
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  write("model.ts", "a");
  const first = await hashOfFolders([folder]);
  write("model.test.ts", "t");
  write("README.md", "r");
  expect(await hashOfFolders([folder])).toBe(first);
  write("model.ts", "b");
  const second = await hashOfFolders([folder]);
  write("other.ts", "");
  expect(new Set([first, second, await hashOfFolders([folder])]).size).toBe(3);
});

test("the keys of this code are found, and are the same each time; a run's has more packages than a CRM's", async () => {
  for (const what of ["crm", "run"] as const) {
    expect(await codeKey(what)).toMatch(/^[0-9a-f]{64}$/);
    expect(await codeKey(what)).toBe(await codeKey(what));
  }
  expect(await codeKey("run")).not.toBe(await codeKey("crm"));
});
