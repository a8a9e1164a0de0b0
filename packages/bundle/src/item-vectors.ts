import { readFile } from "node:fs/promises";
import type { Catalogue, ItemVectors } from "@corella/modality";
import { parseSafetensors, toFloat32, writeSafetensors } from "@corella/safetensors";

/** Writes vectors of the catalogue's items, [items, dim] in the catalogue's order. */
export async function writeItemVectors(path: string, { items, values }: ItemVectors): Promise<void> {
  const shape = [items.length, values.length / items.length];
  await writeSafetensors(path, { vectors: { dtype: "F32", shape, data: values } });
}

/** Reads the vectors of the catalogue's items, [items, dim] in its order. */
export async function readItemVectors(path: string, catalogue: Catalogue): Promise<ItemVectors> {
  const { tensors } = parseSafetensors(await readFile(path), path);
  return { items: catalogue.ids, values: toFloat32(tensors.get("vectors")!) };
}
