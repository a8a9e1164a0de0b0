import { existsSync, readdirSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { ParamSpec, ValueReader, Values } from "@corella/engine";
import { CorellaError, nearestName } from "@corella/errors";
import { readSafetensors, toFloat32, type SafetensorsFile } from "@corella/safetensors";
import { asObject, readJson } from "./json-file.ts";

/** The safetensors files of a model folder, and of shards which one the index names for a tensor. */
interface WeightFiles {
  readonly paths: readonly string[];
  readonly pathOf: ReadonlyMap<string, string>;
}

/** One file, or shards named by an index. */
async function weightFiles(folder: string): Promise<WeightFiles> {
  const single = join(folder, "model.safetensors");
  if (existsSync(single)) return { paths: [single], pathOf: new Map() };
  const indexPath = join(folder, "model.safetensors.index.json");
  if (!existsSync(indexPath)) {
    const others = existsSync(folder)
      ? readdirSync(folder).filter((name) => /\.(bin|pth|pt)$/.test(name))
      : [];
    throw new CorellaError({
      code: "llm/no-weights",
      message: `The folder has neither model.safetensors nor model.safetensors.index.json${others.length === 0 ? "" : `, but ${others[0]}`}.`,
      place: folder,
      remedy: "Download the model's safetensors files; PyTorch's .bin and .pth files are not read.",
    });
  }
  const map = asObject(asObject(await readJson(indexPath), indexPath)["weight_map"], indexPath);
  const names = [...new Set(Object.values(map))].map(String);
  const outside = names.find((name) => isAbsolute(name) || name.split(/[\\/]/).includes(".."));
  if (outside !== undefined) {
    throw new CorellaError({
      code: "llm/missing-shard",
      message: `The weights' index names ${outside}, which is not in the folder.`,
      place: indexPath,
      remedy: "Use the index that came with the model.",
    });
  }
  for (const name of names) {
    if (existsSync(join(folder, name))) continue;
    throw new CorellaError({
      code: "llm/missing-shard",
      message: `The weights' index names ${name}, which is not there.`,
      place: folder,
      remedy: "Download the missing file.",
    });
  }
  return {
    paths: names.map((name) => join(folder, name)),
    pathOf: new Map(Object.entries(map).map(([tensor, name]) => [tensor, join(folder, String(name))])),
  };
}

/** Maps a parameter's name to that in the files, for models whose published files have other names. */
export type NameInFile = (name: string, has: (stored: string) => boolean) => string;

const sameName: NameInFile = (name) => name;

/** Weights that stay in their files until they are read. Close them after use. */
export interface OpenWeights extends ValueReader {
  close(): Promise<void>;
}

/**
 * Opens the tensors of a model folder and checks that all are there, in their shapes. Of several shards that hold a tensor the
 * one counts that the index names for it.
 * @throws CorellaError `llm/missing-tensor`, `llm/tensor-shape`, `llm/tensor-type`, `llm/no-weights`, `llm/missing-shard`
 */
export async function openParams(
  folder: string,
  params: Readonly<Record<string, ParamSpec>>,
  nameInFile: NameInFile = sameName,
): Promise<OpenWeights> {
  const files: SafetensorsFile[] = [];
  const close = async (): Promise<void> => {
    for (const file of files) await file.close();
  };
  try {
    const { paths, pathOf } = await weightFiles(folder);
    for (const path of paths) files.push(await readSafetensors(path));
    const has = (stored: string): boolean => files.some((file) => file.has(stored));
    return { ...tensorReader(files, params, folder, (name) => nameInFile(name, has), pathOf), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * True where the files of a model folder hold all these parameters.
 * @throws CorellaError `llm/no-weights`, `llm/missing-shard`
 */
export async function holdsTensors(
  folder: string,
  names: readonly string[],
  nameInFile: NameInFile = sameName,
): Promise<boolean> {
  const stored = new Set<string>();
  for (const path of (await weightFiles(folder)).paths) {
    const file = await readSafetensors(path);
    for (const other of file.names) stored.add(other);
    await file.close();
  }
  return names.every((name) => stored.has(nameInFile(name, (other) => stored.has(other))));
}

/**
 * Reads the tensors of a model folder as float32, one by one.
 * @throws CorellaError with the codes of `openParams`
 */
export async function readParams(
  folder: string,
  params: Readonly<Record<string, ParamSpec>>,
  nameInFile?: NameInFile,
): Promise<Values> {
  const weights = await openParams(folder, params, nameInFile);
  try {
    return await readEach(params, weights);
  } finally {
    await weights.close();
  }
}

/**
 * Reads parameters as float32 from safetensors files that are open, each from the file that has it.
 * @param place the folder, for the error
 * @param nameInFile maps a parameter's name to that in the files
 * @throws CorellaError `llm/missing-tensor`, `llm/tensor-shape`, `llm/tensor-type`
 */
export function readTensors(
  files: readonly SafetensorsFile[],
  params: Readonly<Record<string, ParamSpec>>,
  place: string,
  nameInFile: (name: string) => string,
): Promise<Values> {
  return readEach(params, tensorReader(files, params, place, nameInFile));
}

/** Reads every one of some parameters, as whole arrays. */
export async function readEach(
  params: Readonly<Record<string, ParamSpec>>,
  reader: ValueReader,
): Promise<Values> {
  const values: Values = {};
  for (const name of Object.keys(params)) values[name] = await reader.read(name);
  return values;
}

/** Checks that every parameter is in a file, in its shape. */
function tensorReader(
  files: readonly SafetensorsFile[],
  params: Readonly<Record<string, ParamSpec>>,
  place: string,
  nameInFile: (name: string) => string,
  pathOf: ReadonlyMap<string, string> = new Map(),
): ValueReader {
  const placeOf = (name: string): { readonly file: SafetensorsFile; readonly stored: string } => {
    const stored = nameInFile(name);
    const holding = files.filter((candidate) => candidate.has(stored));
    return { file: holding.find(({ path }) => path === pathOf.get(stored)) ?? holding[0]!, stored };
  };
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
  for (const [name, spec] of Object.entries(params)) {
    const { file, stored } = placeOf(name);
    const { shape, dtype } = file.info(stored);
    if (!/^B?F\d/.test(dtype)) {
      throw new CorellaError({
        code: "llm/tensor-type",
        message: `${stored} has numbers of type ${dtype}, weights are of type F32, F16 or BF16.`,
        place: file.path,
        remedy: "Use the model before it was quantised, or a GGUF file of it.",
      });
    }
    if (shape.join() === spec.shape.join()) continue;
    throw new CorellaError({
      code: "llm/tensor-shape",
      message: `${stored} has shape [${shape.join(", ")}], the configuration wants [${spec.shape.join(", ")}].`,
      place: file.path,
      remedy: "Use weights and a configuration of the same model.",
    });
  }
  return {
    async read(name, rows) {
      const { file, stored } = placeOf(name);
      return rows === undefined ? file.readFloat32(stored) : toFloat32(await file.readRows(stored, ...rows));
    },
  };
}

function listed(names: readonly string[]): string {
  return names.length <= 4
    ? names.join(", ")
    : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
}
