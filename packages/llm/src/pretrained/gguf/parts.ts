import { existsSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import type { Int4Reader, Int4Rows } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { blockTypes, typeName, type BlockType } from "./dequantize.ts";
import { int4Rows } from "./int4.ts";
import { ggufError, readBytes, readGgufHeader, type GgufHeader, type GgufTensor } from "./header.ts";

/** One file of a model. */
interface Part {
  readonly path: string;
  readonly file: FileHandle;
  readonly header: GgufHeader;
}

/** A model's GGUF file, or all the files that it is split into, opened. Close them after use. */
export interface GgufParts {
  /** Metadata of the first file, tensors of all. */
  readonly header: GgufHeader;
  /**
   * One tensor, or some of its rows, as float32, in the file's own order of rows.
   * @throws CorellaError `llm/gguf`
   */
  read(name: string, rows?: readonly [begin: number, end: number]): Promise<Float32Array>;
  /**
   * How a tensor's rows are read in 4-bit blocks, in the file's own order of rows; undefined where its blocks are of another kind.
   * @throws CorellaError `llm/gguf`
   */
  int4(name: string): Promise<Int4Reader | undefined>;
  /** @throws CorellaError `llm/gguf` for a tensor of a type that is not read, or that the file ends in */
  requireWhole(name: string): void;
  close(): Promise<void>;
}

/**
 * Opens a GGUF file; of a model that llama.cpp split (`name-00001-of-00002.gguf`) the first one, with which the others come.
 * @throws CorellaError `llm/gguf`, `llm/unreadable`, `llm/missing-shard`
 */
export async function openGgufParts(path: string): Promise<GgufParts> {
  const parts: Part[] = [];
  const close = async (): Promise<void> => {
    for (const { file } of parts) await file.close();
  };
  const add = async (partPath: string): Promise<GgufHeader> => {
    const file = await opened(partPath);
    try {
      const header = await readGgufHeader(file, partPath);
      parts.push({ path: partPath, file, header });
      return header;
    } catch (error) {
      await file.close();
      throw error;
    }
  };
  try {
    const first = await add(path);
    const count = splitField(first, "count") ?? 1;
    if (count > 1) await addOthers(path, first, count, add);
    const places = placesOf(parts);
    const placeOf = (name: string): Place => places.get(name)!;
    const tensors = new Map([...places].map(([name, { tensor }]) => [name, tensor]));
    const expected = splitField(first, "tensors.count") ?? tensors.size;
    if (expected !== tensors.size)
      throw ggufError(`The files hold ${tensors.size} tensors of ${expected} (split.tensors.count).`, path);
    return {
      header: { ...first, tensors },
      read: (name, rows) => readTensor(name, placeOf(name), rows),
      int4: (name) => int4Reader(name, placeOf(name)),
      requireWhole: (name) => requireWhole(name, placeOf(name)),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Place {
  readonly part: Part;
  readonly tensor: GgufTensor;
}

function placesOf(parts: readonly Part[]): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const part of parts)
    for (const [name, tensor] of part.header.tensors) {
      const other = places.get(name);
      if (other !== undefined) throw ggufError(`The tensor ${name} is in ${other.part.path} too.`, part.path);
      places.set(name, { part, tensor });
    }
  return places;
}

function splitField({ metadata }: GgufHeader, key: string): number | undefined {
  const found = metadata.get(`split.${key}`);
  return typeof found === "number" || typeof found === "bigint" ? Number(found) : undefined;
}

/** @throws CorellaError `llm/gguf`, `llm/missing-shard` */
async function addOthers(
  path: string,
  first: GgufHeader,
  count: number,
  add: (path: string) => Promise<GgufHeader>,
): Promise<void> {
  const five = (value: number): string => String(value).padStart(5, "0");
  const ending = /-\d{5}-of-\d{5}\.gguf$/;
  const pathOf = (number: number): string => path.replace(ending, `-${five(number)}-of-${five(count)}.gguf`);
  const own = splitField(first, "no") ?? 0;
  if (own !== 0) throw ggufError(`The file is part ${own + 1} of ${count}; open the first one.`, path);
  if (!ending.test(path) || pathOf(1) !== path)
    throw ggufError(
      `The file is part 1 of ${count}, which its name must tell: …-${five(1)}-of-${five(count)}.gguf.`,
      path,
    );
  for (let number = 2; number <= count; number++) {
    const other = pathOf(number);
    if (!existsSync(other)) {
      throw new CorellaError({
        code: "llm/missing-shard",
        message: `The model has ${count} files, and ${other} is not there.`,
        place: path,
        remedy: "Download the missing file, and leave its name.",
      });
    }
    const header = await add(other);
    if (splitField(header, "count") !== count || splitField(header, "no") !== number - 1)
      throw ggufError(`The file does not say that it is part ${number} of ${count}.`, other);
  }
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CorellaError({
      code: "llm/unreadable",
      message: `The file cannot be read: ${reason}.`,
      place: path,
      remedy: "Check the path.",
      cause,
    });
  }
}

function requireWhole(name: string, { part, tensor: { shape, type, byteOffset } }: Place): void {
  const block = blockOf(name, shape, type, part.path);
  const count = shape.reduce((product, size) => product * size, 1);
  if (byteOffset + (count / block.elements) * block.bytes > part.header.bytes)
    throw endsInside(name, part.path);
}

/** How a tensor's elements are stored. @throws CorellaError `llm/gguf` */
function blockOf(name: string, shape: readonly number[], type: number, path: string): BlockType {
  const block = blockTypes[type];
  if (block === undefined) {
    const known = Object.values(blockTypes).map((read) => read.name);
    throw ggufError(
      `The tensor ${name} has the type ${typeName(type)}; those that are read are ${known.join(", ")}.`,
      path,
    );
  }
  if ((shape.at(-1) ?? 1) % block.elements !== 0)
    throw ggufError(`The rows of ${name} are not whole ${block.name} blocks.`, path);
  return block;
}

function endsInside(name: string, path: string): CorellaError {
  return ggufError(`The file ends inside the tensor ${name}.`, path);
}

/** Rows whose blocks are looked at together. */
const rowsAtOnce = 512;

async function int4Reader(name: string, place: Place): Promise<Int4Reader | undefined> {
  const rowsOf = async (rows: readonly [number, number]): Promise<Int4Rows | undefined> => {
    const { block, bytes } = await readBlocks(name, place, rows);
    return int4Rows(block, bytes);
  };
  const { shape, type } = place.tensor;
  const count = shape[0] ?? 1;
  // Every block of the one type can be taken, and of the other not every one.
  const looked = blockTypes[type]?.name === "Q4_1" ? count : Math.min(count, 1);
  for (let begin = 0; begin < looked; begin += rowsAtOnce)
    if ((await rowsOf([begin, Math.min(begin + rowsAtOnce, looked)])) === undefined) return undefined;
  return async (rows) => (await rowsOf(rows))!;
}

async function readTensor(
  name: string,
  place: Place,
  rows?: readonly [number, number],
): Promise<Float32Array> {
  const { block, bytes } = await readBlocks(name, place, rows);
  const out = new Float32Array((bytes.length / block.bytes) * block.elements);
  block.decode(bytes, out);
  return out;
}

async function readBlocks(
  name: string,
  { part: { file, path }, tensor: { shape, type, byteOffset } }: Place,
  [begin, end]: readonly [begin: number, end: number] = [0, shape[0] ?? 1],
): Promise<{ readonly block: BlockType; readonly bytes: Uint8Array }> {
  const block = blockOf(name, shape, type, path);
  const width = shape.slice(1).reduce((product, size) => product * size, 1);
  const rowBytes = (width / block.elements) * block.bytes;
  const bytes = new Uint8Array((end - begin) * rowBytes);
  if ((await readBytes(file, bytes, byteOffset + begin * rowBytes)) !== bytes.length)
    throw endsInside(name, path);
  return { block, bytes };
}
