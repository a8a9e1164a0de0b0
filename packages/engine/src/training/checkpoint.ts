import { createHash } from "node:crypto";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CorellaError } from "@corella/errors";
import { hashFile, recoverFolder, writeFileAtomic, writeFolderAtomic } from "@corella/files";
import {
  float32Tensor,
  readSafetensors,
  writeSafetensors,
  type SafetensorsFile,
  type TensorToWrite,
} from "@corella/safetensors";
import type { PendingGradients, TrainerState } from "../runtime/runtime.ts";

const formatVersion = 3;
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
  /** Size of the file of tensors, and its hash. */
  readonly bytes: number;
  readonly sha256: string;
  readonly steps: Readonly<Record<string, number>>;
  readonly progress: unknown;
}

/**
 * Writes a checkpoint folder: a safetensors file and a manifest with its SHA-256 and its own, written beside, fsynced and
 * renamed, so that the folder is always a whole checkpoint, the old one or the new one. Tensors may be of any size: they
 * are written and hashed in parts, from where they are.
 */
export async function saveCheckpoint<Progress>(
  folder: string,
  checkpoint: Checkpoint<Progress>,
): Promise<void> {
  const tensors: Record<string, TensorToWrite> = {};
  const steps: Record<string, number> = {};
  for (const [trainer, state] of Object.entries(checkpoint.states)) {
    steps[trainer] = state.step;
    for (const [key, tensor] of tensorsOf(state)) tensors[`${encodeURIComponent(trainer)}/${key}`] = tensor;
  }
  await mkdir(dirname(folder), { recursive: true });
  await writeFolderAtomic(folder, async (temporary) => {
    const path = join(temporary, tensorFile);
    await writeSafetensors(path, tensors);
    const { bytes, sha256 } = await hashFile(path);
    const manifest = { version: formatVersion, bytes, sha256, steps, progress: checkpoint.progress };
    const signed = { ...manifest, checksum: checksum(manifest) };
    await writeFileAtomic(join(temporary, manifestFile), `${JSON.stringify(signed, undefined, 2)}\n`);
  });
}

/**
 * Reads a checkpoint folder; undefined when there is none.
 * @throws CorellaError `engine/checkpoint` for a truncated, changed, half-written or foreign one
 */
export async function loadCheckpoint<Progress>(folder: string): Promise<Checkpoint<Progress> | undefined> {
  await recoverFolder(folder);
  const manifest = await readManifest(folder);
  if (manifest === undefined) return undefined;
  const path = join(folder, tensorFile);
  const { bytes, sha256 } = await hashFile(path).catch((cause: unknown) => {
    throw damaged(path, "The checkpoint's tensors cannot be read.", cause);
  });
  if (bytes !== manifest.bytes)
    throw damaged(path, `The checkpoint's tensors take ${manifest.bytes} bytes, and the file has ${bytes}.`);
  if (sha256 !== manifest.sha256)
    throw damaged(path, "The checkpoint's tensors are not those that were saved.");
  const file = await readSafetensors(path);
  try {
    const states: Record<string, TrainerState> = {};
    for (const [trainer, step] of Object.entries(manifest.steps))
      states[trainer] = await readState(file, trainer, step);
    return { states, progress: manifest.progress as Progress };
  } finally {
    await file.close();
  }
}

/** Names within a state: `values/<name>`, `slots/<slot>.<name>`, `pending/<batch>/...`. */
function tensorsOf(state: TrainerState): [key: string, tensor: TensorToWrite][] {
  const flat = (key: string, data: Float32Array): [string, TensorToWrite] => [
    key,
    float32Tensor([data.length], data),
  ];
  const entries: [string, TensorToWrite][] = [
    ...Object.entries(state.values).map(([name, data]): [string, TensorToWrite] => [
      `values/${name}`,
      float32Tensor(state.shapes?.[name] ?? [data.length], data),
    ]),
    ...Object.entries(state.slots).map(([name, data]) => flat(`slots/${name}`, data)),
  ];
  state.pending?.forEach(({ dense, lookups }, batch) => {
    for (const [name, data] of Object.entries(dense))
      entries.push(flat(`pending/${batch}/dense/${name}`, data));
    lookups.forEach(({ table, ids, gradient }, i) => {
      entries.push([`pending/${batch}/ids/${i}/${table}`, { dtype: "I32", shape: [ids.length], data: ids }]);
      entries.push(flat(`pending/${batch}/gradient/${i}`, gradient));
    });
  });
  return entries;
}

async function readState(file: SafetensorsFile, trainer: string, step: number): Promise<TrainerState> {
  const prefix = `${encodeURIComponent(trainer)}/`;
  const keys = file.names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  const state = { step, values: {}, shapes: {}, slots: {}, pending: [] } as {
    step: number;
    values: Record<string, Float32Array>;
    shapes: Record<string, readonly number[]>;
    slots: Record<string, Float32Array>;
    pending: { dense: Record<string, Float32Array>; lookups: PendingGradients["lookups"][number][] }[];
  };
  for (const key of keys) {
    const [kind, ...rest] = key.split("/") as [string, ...string[]];
    const name = rest.join("/");
    if (kind === "values") {
      state.values[name] = await file.readFloat32(prefix + key);
      state.shapes[name] = file.info(prefix + key).shape;
    } else if (kind === "slots") {
      state.slots[name] = await file.readFloat32(prefix + key);
    } else {
      const [batch, part, first, ...others] = rest as [string, string, string, ...string[]];
      const pending = (state.pending[Number(batch)] ??= { dense: {}, lookups: [] });
      if (part === "dense") {
        pending.dense[[first, ...others].join("/")] = await file.readFloat32(prefix + key);
      } else if (part === "ids") {
        pending.lookups[Number(first)] = {
          table: others.join("/"),
          ids: await file.readInt32(prefix + key),
          gradient: await file.readFloat32(`${prefix}pending/${batch}/gradient/${first}`),
        };
      }
    }
  }
  return state;
}

async function readManifest(folder: string): Promise<Manifest | undefined> {
  const path = join(folder, manifestFile);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) =>
      error.code === "ENOENT" ? [] : [folder],
    );
    if (entries.length === 0) return undefined;
    throw damaged(path, "The checkpoint's manifest cannot be read.", cause);
  }
  return parseManifest(text, path);
}

function parseManifest(text: string, path: string): Manifest {
  let signed: Partial<Manifest & { readonly checksum: string }>;
  try {
    signed = JSON.parse(text) as typeof signed;
  } catch (cause) {
    throw damaged(path, "The checkpoint's manifest is not valid JSON.", cause);
  }
  const { checksum: recorded, ...manifest } = signed ?? {};
  if (manifest.version !== formatVersion) {
    throw damaged(
      path,
      `The checkpoint has format ${String(manifest.version)}, this version reads ${formatVersion}.`,
    );
  }
  if (recorded !== checksum(manifest))
    throw damaged(path, "The checkpoint's manifest is not the one that was saved.");
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

/** The SHA-256 of the manifest's content, whatever the white space. */
function checksum(manifest: object): string {
  return createHash("sha256").update(JSON.stringify(manifest)).digest("hex");
}
