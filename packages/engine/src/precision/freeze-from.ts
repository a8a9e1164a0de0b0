import { storingOf, type FrozenParams, type Storing } from "./freeze.ts";
import type { Program, ValueReader, Values } from "../program/program.ts";
import type { StoredMatrix } from "../matrix/quantize.ts";
import type { FrozenOptions } from "../runtime/runtime.ts";
import { inMemory, type WeightArray, type WeightStore } from "./weight-store.ts";

/** Elements of a parameter that are in memory as float32 at once: 1 MB. */
const elementsAtOnce = 2 ** 18;

/**
 * Brings frozen parameters that are read to their precisions, as `freeze` does with values in memory: only a part of
 * a parameter's rows is ever in float32, and what the store does not keep in memory is not there at all. What the reader keeps in
 * 4-bit blocks goes into `int4` as it is, without rounding.
 * @param zeroPoint of 8-bit codes
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
  for await (const { begin, data } of parts(reader, name, rows, rowsAtOnce(width)))
    await write(data, begin * width);
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
  const step = how.byRows ? rowsAtOnce(columns) : rows;
  for await (const { begin, end, part } of storedParts(reader, name, [rows, columns], how, step)) {
    matrix = part;
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

/** A matrix in its precision, `step` rows after another. */
async function* storedParts(
  reader: ValueReader,
  name: string,
  [rows, columns]: readonly [number, number],
  how: Storing,
  step: number,
): AsyncGenerator<{ readonly begin: number; readonly end: number; readonly part: StoredMatrix }> {
  const blocks = how.precision === "int4" && how.byRows ? await reader.int4?.(name) : undefined;
  if (blocks === undefined) {
    for await (const { begin, end, data } of parts(reader, name, rows, step))
      yield { begin, end, part: how.store(data, [end - begin, columns]) };
    return;
  }
  for (let begin = 0; begin < rows; begin += step) {
    const end = Math.min(begin + step, rows);
    const shape = [end - begin, columns] as const;
    yield { begin, end, part: { kind: "int4", shape, outputAxis: 0, ...(await blocks([begin, end])) } };
  }
}

function rowsAtOnce(width: number): number {
  return Math.max(1, Math.floor(elementsAtOnce / width));
}

/** A parameter, `step` rows after another. */
async function* parts(
  reader: ValueReader,
  name: string,
  rows: number,
  step: number,
): AsyncGenerator<{ readonly begin: number; readonly end: number; readonly data: Float32Array }> {
  for (let begin = 0; begin < rows; begin += step) {
    const end = Math.min(begin + step, rows);
    const isWhole = begin === 0 && end === rows;
    yield { begin, end, data: await (isWhole ? reader.read(name) : reader.read(name, [begin, end])) };
  }
}
