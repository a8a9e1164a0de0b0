import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { recoverFolder, writeFileAtomic, writeFolderAtomic } from "./atomic.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-atomic-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("a file is written from text, bytes or a function, replaces the old one, and leaves nothing else", async () => {
  const path = join(folder, "file");
  await writeFileAtomic(path, "text");
  expect(await readFile(path, "utf8")).toBe("text");
  await writeFileAtomic(path, Uint8Array.of(104, 105));
  expect(await readFile(path, "utf8")).toBe("hi");
  await writeFileAtomic(path, async (file) => {
    await file.write("one ");
    await file.write("two");
  });
  expect(await readFile(path, "utf8")).toBe("one two");
  expect(await readdir(folder)).toEqual(["file"]);
});

test("a failing writer leaves the old file and no temporary one", async () => {
  const path = join(folder, "file");
  await writeFileAtomic(path, "old");
  const failing = writeFileAtomic(path, async (file) => {
    await file.write("half");
    throw new Error("out of ideas");
  });
  await expect(failing).rejects.toThrow("out of ideas");
  expect(await readFile(path, "utf8")).toBe("old");
  expect(await readdir(folder)).toEqual(["file"]);
});

test("a missing folder is a user's mistake, with a remedy", async () => {
  const path = join(folder, "absent", "file");
  const expected = { code: "file/write-failed", place: path, remedy: "Create the folder first." };
  await expect(writeFileAtomic(path, "x")).rejects.toMatchObject(expected);
  await expect(writeFolderAtomic(path, async () => {})).rejects.toMatchObject(expected);
});

async function fill(temporary: string, text: string): Promise<void> {
  await mkdir(join(temporary, "sub"));
  await writeFile(join(temporary, "sub", "file"), text);
}

test("a folder appears as a whole, and a new one replaces it as a whole", async () => {
  const path = join(folder, "checkpoint");
  await writeFolderAtomic(path, async (temporary) => {
    await fill(temporary, "one");
    expect(await readdir(folder)).not.toContain("checkpoint");
  });
  await writeFolderAtomic(path, async (temporary) => {
    await fill(temporary, "two");
    expect(await readFile(join(path, "sub", "file"), "utf8")).toBe("one");
  });
  expect(await readFile(join(path, "sub", "file"), "utf8")).toBe("two");
  expect(await readdir(folder)).toEqual(["checkpoint"]);
});

test("a failing writer leaves the old folder", async () => {
  const path = join(folder, "checkpoint");
  await writeFolderAtomic(path, (temporary) => fill(temporary, "one"));
  const failing = writeFolderAtomic(path, async (temporary) => {
    await fill(temporary, "two");
    throw new Error("interrupted");
  });
  await expect(failing).rejects.toThrow("interrupted");
  expect(await readFile(join(path, "sub", "file"), "utf8")).toBe("one");
  expect(await readdir(folder)).toEqual(["checkpoint"]);
});

test("the next writer removes what a killed one left half-written, and nothing else", async () => {
  const path = join(folder, "checkpoint");
  const dead = spawnSync(process.execPath, ["--version"]).pid;
  const others = [
    `.checkpoint.${process.pid}.0a1b2c3d.tmp`,
    `.other.${dead}.0a1b2c3d.tmp`,
    ".checkpoint.notes.tmp",
  ];
  for (const name of [`.checkpoint.${dead}.0a1b2c3d.tmp`, ...others]) await mkdir(join(folder, name));
  await writeFolderAtomic(path, (temporary) => fill(temporary, "one"));
  expect((await readdir(folder)).sort()).toEqual([...others, "checkpoint"].sort());
});

test("a crash between the two renames is recovered, by hand or by the next write", async () => {
  const path = join(folder, "checkpoint");
  const previous = join(folder, ".checkpoint.previous");
  await writeFolderAtomic(path, (temporary) => fill(temporary, "one"));
  await rename(path, previous);
  expect(await recoverFolder(path)).toBe(true);
  expect(await readFile(join(path, "sub", "file"), "utf8")).toBe("one");
  expect(await recoverFolder(path)).toBe(false);

  await rename(path, previous);
  const failing = writeFolderAtomic(path, () => Promise.reject(new Error("again")));
  await expect(failing).rejects.toThrow("again");
  expect(await readFile(join(path, "sub", "file"), "utf8")).toBe("one");

  // A crash after the second rename leaves both: the new one stays.
  await mkdir(previous);
  expect(await recoverFolder(path)).toBe(false);
  expect(await readdir(folder)).toEqual(["checkpoint"]);
});
