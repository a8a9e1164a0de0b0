import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { changedSetting, configForFolder, loadRunConfig, type LoadedConfig } from "@corella/alignment";
import { CorellaError } from "@corella/errors";
import { claimFolder, isClaimed } from "@corella/files";

/** The folder of a run, claimed for this process. */
export interface RunFolder {
  readonly folder: string;
  readonly loaded: LoadedConfig;
  /** The resolved configuration, as it is kept in the folder. */
  readonly configText: string;
  /** Lets other processes have the folder. */
  release(): Promise<void>;
}

/** Options of the command that choose the folder of a run. */
export interface FolderOptions {
  readonly name?: string;
  readonly resume: boolean;
  readonly runs: string;
}

/**
 * A fresh folder, or the one to go on with, claimed for this process. Nothing that a run has learned is ever overwritten.
 * @throws CorellaError `train/nothing-to-resume`, `train/run-exists`, `train/config-changed`, `file/in-use`
 */
export async function openRunFolder(options: FolderOptions, loaded: LoadedConfig): Promise<RunFolder> {
  const name = await chooseName(options, loaded.config.name);
  const folder = join(options.runs, name);
  const named = { ...loaded, config: { ...loaded.config, name } };
  const configText = configForFolder(named, folder);
  await mkdir(folder, { recursive: true });
  const release = await claimFolder(folder);
  try {
    if (options.resume) await requireSameConfig(named, folder);
    // Of a run that was killed before its first checkpoint, perhaps by another configuration.
    else await rm(join(folder, "metrics.jsonl"), { force: true });
    return { folder, loaded: named, configText, release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function chooseName(options: FolderOptions, name: string): Promise<string> {
  const folderOf = (of: string): string => join(options.runs, of);
  const isTaken = async (of: string): Promise<boolean> =>
    ["checkpoints", "bundle"].some((part) => existsSync(join(folderOf(of), part))) ||
    (await isClaimed(folderOf(of)));
  // Without --name a taken name is numbered: movietweetings, movietweetings-2, ...
  const taken: string[] = [];
  let fresh = name;
  while (await isTaken(fresh)) {
    taken.push(fresh);
    if (options.name !== undefined) break;
    fresh = `${name}-${taken.length + 1}`;
  }
  if (options.resume) {
    const latest = taken.at(-1);
    if (latest !== undefined) return latest;
    throw new CorellaError({
      code: "train/nothing-to-resume",
      message: `There is no run ${name} that was interrupted.`,
      place: folderOf(name),
      remedy: "Start it without --resume.",
    });
  }
  if (!taken.includes(fresh)) return fresh;
  throw new CorellaError({
    code: "train/run-exists",
    message: `There is a run ${fresh} already.`,
    place: folderOf(fresh),
    remedy: "Choose another --name, or go on with it by --resume.",
  });
}

/** Refuses to go on with a run by another configuration: its stages would be of two. */
async function requireSameConfig(loaded: LoadedConfig, folder: string): Promise<void> {
  const path = join(folder, "config.yaml");
  if (!existsSync(path)) return;
  const setting = changedSetting(await loadRunConfig(path), loaded);
  if (setting === undefined) return;
  throw new CorellaError({
    code: "train/config-changed",
    message: `The run was begun with another ${setting}.`,
    place: path,
    remedy: `Go on as it was begun with --config ${path} --resume, or start another run without --resume.`,
  });
}
