import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openRotatingFile } from "./rotating-file.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-rotating-"));
});
afterEach(() => rm(folder, { recursive: true }));

const noneLost = (error: unknown): void => {
  throw error;
};
const read = (name: string): Promise<string> => readFile(join(folder, name), "utf8");

test("lines are written together, behind the caller's back, and after those of before", async () => {
  const path = join(folder, "shown.jsonl");
  const first = await openRotatingFile(path, { maxBytes: 1e6, everyMs: 500, onLost: noneLost });
  first.write("one");
  first.write("two");
  expect(await read("shown.jsonl")).toBe("");
  await expect.poll(() => read("shown.jsonl"), { timeout: 5000 }).toBe("one\ntwo\n");
  await first.close();
  const second = await openRotatingFile(path, { maxBytes: 1e6, everyMs: 60_000, onLost: noneLost });
  second.write("three");
  await second.close(); // does not wait for its time
  expect(await read("shown.jsonl")).toBe("one\ntwo\nthree\n");
});

test("a file that is large is renamed, the oldest goes, and no line is cut or lost", async () => {
  const path = join(folder, "shown.jsonl");
  const file = await openRotatingFile(path, { maxBytes: 25, keep: 2, everyMs: 0, onLost: noneLost });
  for (let i = 0; i < 6; i++) {
    file.write(`line-${i}-10`);
    file.write(`line-${i}+10`);
    await expect.poll(() => read("shown.jsonl")).toContain(`line-${i}+10`);
  }
  await file.close();
  expect((await readdir(folder)).toSorted()).toEqual(["shown.jsonl", "shown.jsonl.1", "shown.jsonl.2"]);
  expect(await read("shown.jsonl.2")).toBe("line-3-10\nline-3+10\n");
  expect(await read("shown.jsonl.1")).toBe("line-4-10\nline-4+10\n");
  expect(await read("shown.jsonl")).toBe("line-5-10\nline-5+10\n");
});

test("what the disk does not take is lost and told once, and memory stays bounded", async () => {
  const path = join(folder, "shown.jsonl");
  const errors: unknown[] = [];
  const file = await openRotatingFile(path, {
    maxBytes: 1e6,
    everyMs: 60_000,
    maxWaitingBytes: 30,
    onLost: (error) => errors.push(error),
  });
  for (let i = 0; i < 10; i++) file.write("0123456789");
  expect(file.lost).toBe(8);
  expect(errors).toHaveLength(1);
  await file.close();
  expect(await read("shown.jsonl")).toBe("0123456789\n0123456789\n");
});

test("a file that others have removed begins anew after the next lines that a rotation loses", async () => {
  const path = join(folder, "shown.jsonl");
  const errors: unknown[] = [];
  const file = await openRotatingFile(path, { maxBytes: 10, everyMs: 0, onLost: (e) => errors.push(e) });
  file.write("0123456789");
  await expect.poll(() => read("shown.jsonl")).toBe("0123456789\n");
  await rm(path);
  file.write("lost");
  await expect.poll(() => file.lost).toBe(1);
  file.write("kept");
  await file.close();
  expect(await read("shown.jsonl")).toBe("kept\n");
  expect(errors).toHaveLength(1);
});
