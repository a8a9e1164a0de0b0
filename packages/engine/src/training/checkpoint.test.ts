import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadCheckpoint, saveCheckpoint, type TrainerState } from "../index.ts";

const pending = [
  {
    dense: { "a/b": Float32Array.of(7, 8, 9) },
    lookups: [
      { table: "t.0/x", ids: Int32Array.of(3, 3), gradient: Float32Array.of(1, 2) },
      { table: "t.0/x", ids: Int32Array.of(1), gradient: Float32Array.of(5) },
    ],
  },
];
const checkpoint: { states: Record<string, TrainerState>; progress: { epoch: number; best: number } } = {
  states: {
    "crm/1": {
      step: 3,
      values: { "a/b": Float32Array.of(1, 2, 3, 4), "t.0/x": Float32Array.of(9) },
      shapes: { "a/b": [2, 2], "t.0/x": [1, 1] },
      slots: { "m.a/b": Float32Array.of(4, 5, 6, 7) },
      pending,
    },
    empty: { step: 0, values: {}, shapes: {}, slots: {}, pending: [] },
  },
  progress: { epoch: 2, best: 0.7 },
};

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "corella-checkpoint-"));
  await saveCheckpoint(join(root, "good"), checkpoint);
});
afterAll(() => rm(root, { recursive: true }));

let copies = 0;
async function copyOfGood(): Promise<string> {
  const folder = join(root, `copy-${(copies += 1)}`);
  await cp(join(root, "good"), folder, { recursive: true });
  return folder;
}

test("what was saved is loaded, and saving again replaces it", async () => {
  const folder = await copyOfGood();
  expect(await loadCheckpoint(folder)).toEqual(checkpoint);
  await saveCheckpoint(folder, { ...checkpoint, progress: { epoch: 3 } });
  expect((await loadCheckpoint<{ epoch: number }>(folder))?.progress.epoch).toBe(3);
});

test("no checkpoint is not an error", async () => {
  expect(await loadCheckpoint(join(root, "absent"))).toBeUndefined();
  await mkdir(join(root, "empty"));
  expect(await loadCheckpoint(join(root, "empty"))).toBeUndefined();
});

describe("refused, with the reason, and left as it is:", () => {
  const files = ["state.safetensors", "checkpoint.json"] as const;

  async function expectRefusal(folder: string, reason: RegExp): Promise<void> {
    const before = await contentOf(folder);
    await expect(loadCheckpoint(folder)).rejects.toMatchObject({
      code: "engine/checkpoint",
      message: expect.stringMatching(reason),
    });
    expect(await contentOf(folder)).toEqual(before);
  }

  async function contentOf(folder: string): Promise<Record<string, string>> {
    const names = await readdir(folder);
    const contents = await Promise.all(names.map((name) => readFile(join(folder, name), "base64")));
    return Object.fromEntries(names.map((name, i) => [name, contents[i]!]));
  }

  test.each(files)("%s, one bit of it changed, anywhere", async (name) => {
    const folder = await copyOfGood();
    const good = await readFile(join(folder, name));
    // The manifest may be laid out otherwise, but not say anything else.
    const anyOf = fc
      .nat(good.length * 8 - 1)
      .filter((bit) => name !== "checkpoint.json" || good[bit >> 3]! > 32);
    await fc.assert(
      fc.asyncProperty(anyOf, async (bit) => {
        const changed = Buffer.from(good);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        await writeFile(join(folder, name), changed);
        await expectRefusal(folder, /^The checkpoint/);
      }),
    );
  });

  test.each(files)("%s, cut short, anywhere", async (name) => {
    const folder = await copyOfGood();
    const good = await readFile(join(folder, name));
    await fc.assert(
      // Of the manifest, the line end may be missing.
      fc.asyncProperty(fc.nat(good.length - 2), async (length) => {
        await writeFile(join(folder, name), good);
        await truncate(join(folder, name), length);
        await expectRefusal(
          folder,
          name === "checkpoint.json" ? /not valid JSON/ : /take \d+ bytes, and the file has/,
        );
      }),
      { numRuns: 30 },
    );
  });

  test.each([
    ["state.safetensors", /tensors cannot be read/],
    ["checkpoint.json", /manifest cannot be read/],
  ] as const)("half of it: no %s", async (name, reason) => {
    const folder = await copyOfGood();
    await rm(join(folder, name));
    await expectRefusal(folder, reason);
  });

  test("tensors of another checkpoint, a newer format, and what is no manifest", async () => {
    const other = join(root, "other");
    const values = { w: Float32Array.of(1) };
    await saveCheckpoint(other, { states: { model: { step: 1, values, slots: {} } }, progress: null });
    const mixed = await copyOfGood();
    await cp(join(other, "state.safetensors"), join(mixed, "state.safetensors"));
    await expectRefusal(mixed, /take \d+ bytes/);
    const newer = await copyOfGood();
    await writeFile(join(newer, "checkpoint.json"), JSON.stringify({ version: 99 }));
    await expectRefusal(newer, /format 99, this version reads 3/);
    await writeFile(join(newer, "checkpoint.json"), "null");
    await expectRefusal(newer, /format undefined/);
  });
});

test("a process that is killed while it saves leaves the old checkpoint or the new one", async () => {
  const folder = join(root, "killed");
  let last = 0;
  for (let kill = 0; kill < 6; kill++) {
    const child = spawn(
      process.execPath,
      [
        "--conditions=source",
        "--import",
        "tsx",
        join(import.meta.dirname, "checkpoint.test-helper.ts"),
        folder,
        `${last + 1}`,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    await new Promise((resolve) => child.stdout.once("data", resolve));
    await new Promise((resolve) => setTimeout(resolve, 60 + kill * 17.3));
    const exit = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await exit;
    const loaded = await loadCheckpoint<{ number: number }>(folder);
    // The first process may have been killed before its first checkpoint; no later one loses what was there.
    if (loaded === undefined) {
      expect(last).toBe(0);
      continue;
    }
    const { number } = loaded.progress;
    expect(number).toBeGreaterThanOrEqual(last);
    expect(loaded.states["model"]!.step).toBe(number);
    expect(loaded.states["model"]!.values["w"]!.every((value) => value === number)).toBe(true);
    last = number;
  }
  expect(last).toBeGreaterThan(0);
  await saveCheckpoint(folder, checkpoint);
  const left = (await readdir(root)).filter((name) => name.includes("killed"));
  expect(left).toEqual(["killed"]);
});
