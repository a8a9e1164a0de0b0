import { mkdtemp, readFile, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadCheckpoint, saveCheckpoint } from "./index.ts";

const checkpoint = {
  states: {
    crm: {
      step: 3,
      values: { "a/b": Float32Array.of(1, 2, 3) },
      slots: { "m.a/b": Float32Array.of(4, 5, 6) },
    },
    empty: { step: 0, values: {}, slots: {} },
  },
  progress: { epoch: 2, best: 0.7 },
};

async function saved(): Promise<string> {
  const folder = join(await mkdtemp(join(tmpdir(), "corella-")), "checkpoint");
  await saveCheckpoint(folder, checkpoint);
  return folder;
}

test("what was saved is loaded, and saving again replaces it", async () => {
  const folder = await saved();
  expect(await loadCheckpoint(folder)).toEqual(checkpoint);
  await saveCheckpoint(folder, { ...checkpoint, progress: { epoch: 3 } });
  expect((await loadCheckpoint<{ epoch: number }>(folder))?.progress.epoch).toBe(3);
});

test("no checkpoint is not an error", async () => {
  expect(await loadCheckpoint(join(tmpdir(), "corella-does-not-exist"))).toBeUndefined();
});

test("a truncated, a changed and a foreign checkpoint are refused with the reason", async () => {
  const truncated = await saved();
  await truncate(join(truncated, "state.safetensors"), 40);
  await expect(loadCheckpoint(truncated)).rejects.toMatchObject({ code: "engine/checkpoint" });

  const flipped = await saved();
  const path = join(flipped, "state.safetensors");
  const bytes = await readFile(path);
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(path, bytes);
  await expect(loadCheckpoint(flipped)).rejects.toThrow(/not those that were saved/);

  const foreign = await saved();
  await writeFile(join(foreign, "checkpoint.json"), JSON.stringify({ version: 99 }));
  await expect(loadCheckpoint(foreign)).rejects.toThrow(/format 99/);
});
