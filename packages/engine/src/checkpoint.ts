import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CorellaError } from "@corella/errors";
import {
  float32Tensor,
  parseSafetensors,
  recoverFolder,
  toFloat32,
  writeFileAtomic,
  writeFolderAtomic,
  writeSafetensors,
} from "@corella/safetensors";
import type { TrainerState } from "./runtime.ts";
import type { Values } from "./program.ts";

const formatVersion = 1;
const manifestFile = "checkpoint.json";
const tensorFile = "state.safetensors";

/** A trainer's state and whatever its owner needs to go on (epoch, position in the data, best result so far). */
export interface Checkpoint<Progress> {
  readonly states: Readonly<Record<string, TrainerState>>;
  /** Must survive JSON. */
  readonly progress: Progress;
}

interface Manifest {
  readonly version: number;
  readonly sha256: string;
  readonly steps: Record<string, number>;
  readonly progress: unknown;
}

/**
 * Writes a checkpoint folder: a safetensors file and a manifest with its SHA-256, written beside, fsynced and renamed,
 * so that the folder is always a whole checkpoint, the old one or the new one.
 */
export async function saveCheckpoint<Progress>(
  folder: string,
  checkpoint: Checkpoint<Progress>,
): Promise<void> {
  const tensors: Record<string, ReturnType<typeof float32Tensor>> = {};
  const steps: Record<string, number> = {};
  for (const [trainer, state] of Object.entries(checkpoint.states)) {
    steps[trainer] = state.step;
    for (const kind of ["values", "slots"] as const) {
      for (const [name, data] of Object.entries(state[kind])) {
        tensors[`${trainer}/${kind}/${name}`] = float32Tensor([data.length], data);
      }
    }
  }
  await mkdir(dirname(folder), { recursive: true });
  await writeFolderAtomic(folder, async (temporary) => {
    const path = join(temporary, tensorFile);
    await writeSafetensors(path, tensors);
    const manifest: Manifest = {
      version: formatVersion,
      sha256: sha256(await readFile(path)),
      steps,
      progress: checkpoint.progress,
    };
    await writeFileAtomic(join(temporary, manifestFile), `${JSON.stringify(manifest, undefined, 2)}\n`);
  });
}

/**
 * Reads a checkpoint folder; undefined when there is none.
 * @throws CorellaError `engine/checkpoint` for a truncated, changed or foreign one
 */
export async function loadCheckpoint<Progress>(folder: string): Promise<Checkpoint<Progress> | undefined> {
  await recoverFolder(folder);
  const manifestText = await readFile(join(folder, manifestFile), "utf8").catch(() => undefined);
  if (manifestText === undefined) return undefined;
  const manifest = parseManifest(manifestText, join(folder, manifestFile));
  const path = join(folder, tensorFile);
  const bytes = await readFile(path).catch(() => {
    throw damaged(path, "The checkpoint's tensors are missing.");
  });
  if (sha256(bytes) !== manifest.sha256)
    throw damaged(path, "The checkpoint's tensors are not those that were saved.");
  const parsed = parseSafetensors(bytes, path);
  const states: Record<string, TrainerState & { values: Values; slots: Values }> = {};
  for (const [trainer, step] of Object.entries(manifest.steps))
    states[trainer] = { step, values: {}, slots: {} };
  for (const [key, view] of parsed.tensors) {
    const [trainer, kind, ...rest] = key.split("/");
    const state = states[trainer!];
    if (state === undefined || (kind !== "values" && kind !== "slots"))
      throw damaged(path, `The checkpoint holds a foreign tensor, ${key}.`);
    state[kind][rest.join("/")] = toFloat32(view);
  }
  return { states, progress: manifest.progress as Progress };
}

function parseManifest(text: string, path: string): Manifest {
  let manifest: Partial<Manifest>;
  try {
    manifest = JSON.parse(text) as Partial<Manifest>;
  } catch (cause) {
    throw damaged(path, "The checkpoint's manifest is not valid JSON.", cause);
  }
  if (manifest.version !== formatVersion) {
    throw damaged(
      path,
      `The checkpoint has format ${String(manifest.version)}, this version reads ${formatVersion}.`,
    );
  }
  if (typeof manifest.sha256 !== "string" || typeof manifest.steps !== "object") {
    throw damaged(path, "The checkpoint's manifest lacks its hash or steps.");
  }
  return manifest as Manifest;
}

function damaged(place: string, message: string, cause?: unknown): CorellaError {
  return new CorellaError({
    code: "engine/checkpoint",
    message,
    place,
    remedy: "Delete the checkpoint folder to start anew, or restore it from a copy.",
    cause,
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
