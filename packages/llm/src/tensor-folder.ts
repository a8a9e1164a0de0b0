import { access } from "node:fs/promises";
import { join } from "node:path";
import type { ParamSpec, Values } from "@corella/engine";
import { CorellaError, nearestName } from "@corella/errors";
import { readSafetensors, type SafetensorsFile } from "@corella/safetensors";
import { asObject, readJson } from "./json-file.ts";

/** The safetensors files of a model folder: one, or shards named by an index. */
async function weightFiles(folder: string): Promise<string[]> {
  const single = join(folder, "model.safetensors");
  if (await exists(single)) return [single];
  const indexPath = join(folder, "model.safetensors.index.json");
  if (!(await exists(indexPath))) {
    throw new CorellaError({
      code: "llm/no-weights",
      message: "The folder has neither model.safetensors nor model.safetensors.index.json.",
      place: folder,
      remedy: "Download the model's safetensors files; PyTorch's .bin files are not read.",
    });
  }
  const map = asObject(asObject(await readJson(indexPath), indexPath)["weight_map"], indexPath);
  const names = [...new Set(Object.values(map))].map(String);
  for (const name of names) {
    if (await exists(join(folder, name))) continue;
    throw new CorellaError({
      code: "llm/missing-shard",
      message: `The weights' index names ${name}, which is not there.`,
      place: folder,
      remedy: "Download the missing file.",
    });
  }
  return names.map((name) => join(folder, name));
}

/**
 * Reads the tensors of a model folder as float32, one by one.
 * @param nameInFile maps a parameter's name to that in the file, where published files differ
 * @throws CorellaError `llm/missing-tensor`, `llm/tensor-shape`, `llm/no-weights`, `llm/missing-shard`
 */
export async function readParams(
  folder: string,
  params: Readonly<Record<string, ParamSpec>>,
  nameInFile: (name: string, has: (stored: string) => boolean) => string = (name) => name,
): Promise<Values> {
  const files: SafetensorsFile[] = [];
  try {
    for (const path of await weightFiles(folder)) files.push(await readSafetensors(path));
    const has = (stored: string): boolean => files.some((file) => file.has(stored));
    return await readTensors(files, params, folder, (name) => nameInFile(name, has));
  } finally {
    for (const file of files) await file.close();
  }
}

/** Reads every parameter from the file that has it. `nameInFile` maps a parameter's name. */
export async function readTensors(
  files: readonly SafetensorsFile[],
  params: Readonly<Record<string, ParamSpec>>,
  place: string,
  nameInFile: (name: string) => string,
): Promise<Values> {
  const missing = Object.keys(params).filter((name) => !files.some((file) => file.has(nameInFile(name))));
  if (missing.length > 0) {
    const first = nameInFile(missing[0]!);
    const near = nearestName(
      first,
      files.flatMap((file) => [...file.names]),
    );
    throw new CorellaError({
      code: "llm/missing-tensor",
      message: `${missing.length} tensor${missing.length === 1 ? " is" : "s are"} missing: ${listed(missing.map(nameInFile))}.`,
      place,
      remedy:
        near === undefined
          ? "The weights must be those of the configuration beside them."
          : `The weights must be those of the configuration; the nearest name is ${near}.`,
    });
  }
  const values: Values = {};
  for (const [name, spec] of Object.entries(params)) {
    const stored = nameInFile(name);
    const file = files.find((candidate) => candidate.has(stored))!;
    const { shape } = file.info(stored);
    if (shape.join() !== spec.shape.join()) {
      throw new CorellaError({
        code: "llm/tensor-shape",
        message: `${stored} has shape [${shape.join(", ")}], the configuration wants [${spec.shape.join(", ")}].`,
        place: file.path,
        remedy: "Use weights and a configuration of the same model.",
      });
    }
    values[name] = await file.readFloat32(stored);
  }
  return values;
}

function listed(names: readonly string[]): string {
  return names.length <= 4
    ? names.join(", ")
    : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
}

export async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
