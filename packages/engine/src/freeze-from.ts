import { storingOf, type FrozenParams, type Storing } from "./precision.ts";
import type { Program, ValueReader, Values } from "./program.ts";
import type { StoredMatrix } from "./quantize.ts";
import type { FrozenOptions } from "./runtime.ts";
import { inMemory, type WeightArray, type WeightStore } from "./weight-store.ts";

/** Elements of a parameter that are in memory as float32 at once: 1 MB. */
const elementsAtOnce = 2 ** 18;

/**
 * `freeze` on values that are read: only a part of a parameter's rows is ever in float32, and what the store does not
 * keep in memory is not there at all.
 * @throws CorellaError `engine/precision`, and what the reader and the store throw
 */
export async function freezeFrom(
  program: Program,
  reader: ValueReader,
  names: readonly string[],
  { precision, backward }: FrozenOptions,
  zeroPoint: 0 | 128,
  store: WeightStore,
): Promise<FrozenParams> {
  const storing = storingOf(program, precision, zeroPoint);
  const stored = new Map<string, StoredMatrix>();
  const values: Values = {};
  for (const name of names) {
    const { shape } = program.params[name]!;
    const how = storing(name);
    if (how === undefined) values[name] = await readInParts(reader, name, shape, store);
    else stored.set(name, await storeInParts(reader, name, [shape[0]!, shape[1]!], how, store));
  }
  return { stored, values, backward };
}

async function readInParts(
  reader: ValueReader,
  name: string,
  shape: readonly number[],
  store: WeightStore,
): Promise<Float32Array> {
  const [rows = 1, ...rest] = shape;
  const width = rest.reduce((product, size) => product * size, 1);
  const { array, write } = store.reserve(new Float32Array(), rows * width);
  for (const [begin, end] of parts(rows, width)) {
    const part = end - begin === rows ? await reader.read(name) : await reader.read(name, [begin, end]);
    await write(part, begin * width);
  }
  return array as Float32Array;
}

async function storeInParts(
  reader: ValueReader,
  name: string,
  [rows, columns]: readonly [number, number],
  how: Storing,
  store: WeightStore,
): Promise<StoredMatrix> {
  let whole: Record<string, ReturnType<WeightStore["reserve"]>> | undefined;
  let matrix: StoredMatrix | undefined;
  for (const [begin, end] of how.byRows ? parts(rows, columns) : [[0, rows] as const]) {
    const data = end - begin === rows ? await reader.read(name) : await reader.read(name, [begin, end]);
    matrix = how.store(data, [end - begin, columns]);
    const arrays = Object.entries(matrix).filter((entry): entry is [string, WeightArray] =>
      ArrayBuffer.isView(entry[1]),
    );
    whole ??= Object.fromEntries(
      arrays.map(([key, array]) => {
        // Zero points are packed when the graph is captured: they stay in memory.
        const where = key === "zeroPoints" ? inMemory : store;
        return [key, where.reserve(array, (array.length / (end - begin)) * rows)];
      }),
    );
    for (const [key, array] of arrays) await whole[key]!.write(array, (array.length / (end - begin)) * begin);
  }
  const arrays = Object.fromEntries(Object.entries(whole!).map(([key, { array }]) => [key, array]));
  return { ...matrix!, ...arrays, shape: [rows, columns] } as StoredMatrix;
}

/** Ranges of rows of at most `elementsAtOnce` elements. */
function* parts(rows: number, width: number): Generator<readonly [begin: number, end: number]> {
  const step = Math.max(1, Math.floor(elementsAtOnce / width));
  for (let begin = 0; begin < rows; begin += step) yield [begin, Math.min(begin + step, rows)];
}
