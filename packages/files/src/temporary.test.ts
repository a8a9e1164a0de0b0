import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { makeTemporaryFolder } from "./index.ts";

test("what killed processes left is removed, and nothing else", async () => {
  const parent = await mkdtemp(join(tmpdir(), "corella-temporary-"));
  const mine = await makeTemporaryFolder(parent, "weights");
  expect(basename(mine)).toMatch(new RegExp(`-${process.pid}-\\w{6}$`));
  const dead = spawnSync(process.execPath, ["--version"]).pid;
  const left = mine.replace(`-${process.pid}-`, `-${dead}-`);
  const others = [
    join(parent, `tables-${hostname()}-${dead}-abcdef`),
    join(parent, `weights-elsewhere-${dead}-abcdef`),
    join(parent, "weights"),
  ];
  for (const folder of [left, ...others]) {
    await mkdir(folder);
    await writeFile(join(folder, "data"), "x");
  }
  const next = await makeTemporaryFolder(parent, "weights");
  expect(next).not.toBe(mine);
  expect(existsSync(left)).toBe(false);
  for (const folder of [mine, next, ...others]) expect(existsSync(folder), folder).toBe(true);
});
