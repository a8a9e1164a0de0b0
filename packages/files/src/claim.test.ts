import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { claimFolder, isClaimed } from "./index.ts";

const folder = (): string => mkdtempSync(join(tmpdir(), "corella-claim-"));

test("a folder has one claimant, until it is released", async () => {
  const path = folder();
  const release = await claimFolder(path);
  await expect(claimFolder(path)).rejects.toMatchObject({
    code: "file/in-use",
    message: expect.stringContaining(String(process.pid)),
  });
  expect(await isClaimed(path)).toBe(true);
  await release();
  await release();
  expect(await isClaimed(path)).toBe(false);
  expect(existsSync(join(path, ".running"))).toBe(false);
  await (
    await claimFolder(path)
  )();
});

test("of many that ask at once one gets it", async () => {
  const path = folder();
  const asked = await Promise.allSettled(Array.from({ length: 20 }, () => claimFolder(path)));
  expect(asked.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("another running process' claim holds; that of a dead one, or of one with our number before us, does not", async () => {
  const path = folder();
  const claimBy = (pid: number): void => writeFileSync(join(path, ".running"), `${pid}\n`);
  claimBy(process.ppid);
  await expect(claimFolder(path)).rejects.toMatchObject({ code: "file/in-use" });
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  for (const pid of [dead, process.pid]) {
    claimBy(pid);
    expect(await isClaimed(path)).toBe(false);
    await (
      await claimFolder(path)
    )();
  }
});

test("the claim of another machine holds until it has been silent for a minute, whatever runs here under its number", async () => {
  const path = folder();
  const file = join(path, ".running");
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  writeFileSync(file, `${dead} elsewhere\n`);
  await expect(claimFolder(path)).rejects.toMatchObject({
    code: "file/in-use",
    message: expect.stringContaining("elsewhere"),
  });
  writeFileSync(file, `${process.ppid} elsewhere\n`);
  const minuteAgo = Date.now() / 1000 - 61;
  utimesSync(file, minuteAgo, minuteAgo);
  expect(await isClaimed(path)).toBe(false);
  await (
    await claimFolder(path)
  )();
});

test("an empty claim is of a process that is about to fill it, unless it is old", async () => {
  const path = folder();
  writeFileSync(join(path, ".running"), "");
  await expect(claimFolder(path)).rejects.toMatchObject({ code: "file/in-use" });
  utimesSync(join(path, ".running"), 1, 1);
  await (
    await claimFolder(path)
  )();
});
