import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
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

/** Claims each folder at its moment, says which it got, and ends when its input does. */
const claimAll = `
  const { claimFolder } = await import(${JSON.stringify(new URL("index.ts", import.meta.url).href)});
  process.stdout.write("ready\\n");
  process.stdin.once("data", async (line) => {
    const { start, folders } = JSON.parse(line);
    const got = [];
    for (const [i, folder] of folders.entries()) {
      while (Date.now() < start + 50 * i);
      await claimFolder(folder).then(() => got.push(i), () => {});
    }
    process.stdout.write(JSON.stringify(got) + "\\n");
  });
`;

test("of processes that find a dead claim at once one gets the folder", async () => {
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  const folders = Array.from({ length: 20 }, folder);
  for (const path of folders) writeFileSync(join(path, ".running"), `${dead} ${hostname()}\n`);
  const flags = ["--conditions=source", "--import", "tsx", "--input-type=module", "-e", claimAll];
  const processes = Array.from({ length: 3 }, () =>
    spawn(process.execPath, flags, { cwd: import.meta.dirname, stdio: ["pipe", "pipe", "inherit"] }),
  );
  const lines = processes.map(({ stdout }) => createInterface({ input: stdout })[Symbol.asyncIterator]());
  for (const line of lines) expect((await line.next()).value).toBe("ready");
  for (const { stdin } of processes) stdin.write(`${JSON.stringify({ start: Date.now() + 100, folders })}\n`);
  const got: number[] = [];
  for (const line of lines) got.push(...(JSON.parse((await line.next()).value as string) as number[]));
  for (const { stdin } of processes) stdin.end();
  expect(got.toSorted((a, b) => a - b)).toEqual([...folders.keys()]);
}, 30_000);

test("who takes over a dead claim is waited for, unless it was killed meanwhile", async () => {
  const path = folder();
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  writeFileSync(join(path, ".running"), `${dead} ${hostname()}\n`);
  const turn = join(path, ".running.next");
  writeFileSync(turn, "");
  await expect(claimFolder(path)).rejects.toMatchObject({ code: "file/in-use" });
  utimesSync(turn, 1, 1);
  const release = await claimFolder(path);
  expect(existsSync(turn)).toBe(false);
  await release();
});
