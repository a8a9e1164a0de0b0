import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadRunConfig } from "@corella/alignment";
import { beforeEach, expect, test } from "vitest";
import { openRunFolder, type FolderOptions, type RunFolder } from "./run-folder.ts";

let runs = "";
let config = "";

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), "corella-run-folder-"));
  runs = join(folder, "runs");
  config = join(folder, "small.yaml");
  writeFileSync(
    config,
    `name: small
data:
  source: { ratings: { path: ratings.csv, columns: { user: 0, item: 1, rating: 2, time: 3 } } }
  label: { threshold: 4 }
features: [{ name: user, type: categorical, field: user }]
crm: { model: DCNv2 }
`,
  );
});

const open = async (options: Partial<FolderOptions> = {}, settings: string[] = []): Promise<RunFolder> =>
  openRunFolder({ resume: false, runs, ...options }, await loadRunConfig(config, settings));

/** A run that was interrupted after its first checkpoint. */
async function begin(settings: string[] = []): Promise<string> {
  const { folder, configText, release } = await open({}, settings);
  mkdirSync(join(folder, "checkpoints"));
  writeFileSync(join(folder, "config.yaml"), configText);
  await release();
  return folder;
}

test("runs that start while another has no checkpoint yet get folders of their own", async () => {
  const first = await open();
  const second = await open();
  expect([first.folder, second.folder]).toEqual([join(runs, "small"), join(runs, "small-2")]);
  expect([first, second].map(({ loaded }) => loaded.config.name)).toEqual(["small", "small-2"]);
  await expect(open({ name: "small" })).rejects.toMatchObject({ code: "train/run-exists" });
  await expect(open({ name: "small", resume: true })).rejects.toMatchObject({ code: "file/in-use" });
  await first.release();
  expect((await open()).folder).toBe(join(runs, "small"));
});

test("a run goes on with the configuration that it was begun with, and with no other", async () => {
  const folder = await begin(["crm.embeddingDim=4"]);
  await expect(open({ resume: true })).rejects.toMatchObject({
    code: "train/config-changed",
    message: "The run was begun with another crm.embeddingDim.",
    place: join(folder, "config.yaml"),
  });
  expect(readdirSync(folder).toSorted()).toEqual(["checkpoints", "config.yaml"]);

  const same = await open({ resume: true }, ["crm.embeddingDim=4", "runtime.threads=1"]);
  expect(same.folder).toBe(folder);
  await same.release();
  // What the remedy says: the file in the run's folder, whose paths start there.
  config = join(folder, "config.yaml");
  await (await open({ resume: true })).release();
});

test("a folder that a killed run left without a checkpoint begins with nothing of it, one to go on with keeps all", async () => {
  const killed = await open();
  const metrics = join(killed.folder, "metrics.jsonl");
  writeFileSync(metrics, '{"phase":"stage-1","step":0,"validationAuc":0.5}\n');
  await killed.release();
  const fresh = await open();
  expect(fresh.folder).toBe(killed.folder);
  expect(existsSync(metrics)).toBe(false);
  await fresh.release();

  mkdirSync(join(killed.folder, "checkpoints"));
  writeFileSync(metrics, "kept");
  await (await open({ resume: true })).release();
  expect(existsSync(metrics)).toBe(true);
});

test("there must be a run to go on with", async () => {
  await expect(open({ resume: true })).rejects.toMatchObject({ code: "train/nothing-to-resume" });
  const folder = await begin();
  await begin();
  expect((await open({ resume: true })).folder).toBe(`${folder}-2`);
});
