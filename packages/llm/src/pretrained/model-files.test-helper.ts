import { readFile, writeFile } from "node:fs/promises";
import {
  float32Tensor,
  parseSafetensors,
  toFloat32,
  writeSafetensors,
  type TensorToWrite,
} from "@corella/safetensors";

/** Tensors of a file by their names, float32. */
export type Tensors = Record<string, TensorToWrite>;

/** All tensors of a safetensors file. */
export async function tensorsOf(path: string): Promise<Tensors> {
  const { tensors } = parseSafetensors(await readFile(path));
  return Object.fromEntries(
    [...tensors].map(([name, view]) => [name, float32Tensor(view.shape, toFloat32(view))]),
  );
}

/** Writes a safetensors file anew, with other tensors. */
export async function changeTensors(path: string, change: (tensors: Tensors) => void): Promise<void> {
  const tensors = await tensorsOf(path);
  change(tensors);
  await writeSafetensors(path, tensors, { format: "pt" });
}

/** Writes a safetensors file anew, its tensors under other names. */
export async function renameTensors(path: string, nameOf: (name: string) => string): Promise<void> {
  const renamed = Object.entries(await tensorsOf(path)).map(([name, tensor]) => [nameOf(name), tensor]);
  await writeSafetensors(path, Object.fromEntries(renamed) as Tensors, { format: "pt" });
}

/** Writes a JSON file anew, with other content. */
export async function changeJson<Json>(path: string, change: (json: Json) => void): Promise<void> {
  const json = JSON.parse(await readFile(path, "utf8")) as Json;
  change(json);
  await writeFile(path, JSON.stringify(json));
}
