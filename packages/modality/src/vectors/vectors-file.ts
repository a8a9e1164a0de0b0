import { existsSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { CorellaError } from "@corella/errors";
import { readSafetensors, type SafetensorsFile, writeSafetensors } from "@corella/safetensors";
import type { FeatureConfig } from "../features/config.ts";
import type { ItemVectors } from "../prompt/similar.ts";
import { vectorsNamed } from "./config.ts";

/** The tensors of a file of item vectors: numbers [items, dim], and the items' ids as UTF-8 text, one a line. */
const tensors = { vectors: "vectors", items: "items" } as const;

/** How vectors are kept, and what is said of them. */
export interface WriteVectorsOptions {
  /** Default F32. */
  readonly dtype?: "F16" | "F32" | undefined;
  /** Where the vectors come from, for information. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/**
 * Writes vectors of items as a safetensors file: `vectors` [items, dim] and `items`, the bytes of their ids in UTF-8 with a
 * line feed between two.
 * @throws CorellaError `file/write-failed`, and those of `writeSafetensors`
 */
export async function writeVectors(
  path: string,
  { items, values }: ItemVectors,
  { dtype = "F32", metadata }: WriteVectorsOptions = {},
): Promise<void> {
  const ids = new TextEncoder().encode(items.join("\n"));
  await writeSafetensors(
    path,
    {
      [tensors.vectors]: { dtype, shape: [items.length, values.length / items.length], data: values },
      [tensors.items]: { dtype: "U8", shape: [ids.length], data: ids },
    },
    metadata,
  );
}

/**
 * Reads vectors of items from a safetensors file as `writeVectors` writes it, numbers of any floating-point type.
 * @throws CorellaError `features/bad-vectors`, and those of `readSafetensors`
 */
export async function readVectors(path: string): Promise<ItemVectors> {
  const file = await readSafetensors(path);
  try {
    return await parseVectors(file, path);
  } finally {
    await file.close();
  }
}

async function parseVectors(file: SafetensorsFile, path: string): Promise<ItemVectors> {
  for (const name of Object.values(tensors))
    if (!file.has(name)) throw badVectors(path, `The file has no tensor "${name}".`);
  const { shape, dtype } = file.info(tensors.vectors);
  if (shape.length !== 2 || shape[0] === 0 || shape[1] === 0 || !/^B?F\d/.test(dtype))
    throw badVectors(
      path,
      `"${tensors.vectors}" is ${dtype} [${shape.join(", ")}], not a number for each item and dimension.`,
    );
  if (file.info(tensors.items).dtype !== "U8")
    throw badVectors(path, `"${tensors.items}" is not the bytes of a text.`);
  const items = new TextDecoder().decode((await file.read(tensors.items)).data).split("\n");
  if (items.length !== shape[0])
    throw badVectors(path, `The file has ${shape[0]} vectors and ${items.length} items.`);
  if (new Set(items).size !== items.length) throw badVectors(path, "An item stands twice in the file.");
  const values = await file.readFloat32(tensors.vectors);
  const strange = values.findIndex((value) => !Number.isFinite(value));
  if (strange >= 0)
    throw badVectors(
      path,
      `The vector of the item "${items[Math.floor(strange / shape[1]!)]}" is not finite.`,
    );
  return { items, values };
}

function badVectors(place: string, message: string): CorellaError {
  return new CorellaError({
    code: "features/bad-vectors",
    message,
    place,
    remedy:
      "Give a safetensors file with `vectors`, float16 or float32 [items, dim], and `items`, the UTF-8 bytes of the items' ids, one a line.",
  });
}

/**
 * Reads the item vectors that features name, by the path as they name it.
 * @param baseFolder relative paths start here
 * @throws CorellaError `features/no-vectors` for a file that is not there, and those of `readVectors`
 */
export async function readFeatureVectors(
  features: readonly FeatureConfig[],
  baseFolder: string,
): Promise<ReadonlyMap<string, ItemVectors>> {
  const read = new Map<string, ItemVectors>();
  for (const named of vectorsNamed(features)) {
    const path = isAbsolute(named) ? named : resolve(baseFolder, named);
    if (!existsSync(path)) {
      const { name } = features.find((feature) => "vectors" in feature && feature.vectors === named)!;
      throw new CorellaError({
        code: "features/no-vectors",
        message: `The vectors of the feature "${name}" are not there: ${path}.`,
        place: `features.${name}.vectors`,
        remedy: "Correct the path, make the vectors, or leave the feature out.",
      });
    }
    read.set(named, await readVectors(path));
  }
  return read;
}
