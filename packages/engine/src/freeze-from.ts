import { storingOf, type FrozenParams, type Storing } from "./precision.ts";
import type { Program, ValueReader, Values } from "./program.ts";
import type { StoredMatrix } from "./quantize.ts";
import type { FrozenOptions } from "./runtime.ts";

/** Elements of a matrix that are in memory as float32 at once: 4 MB. */
const elementsAtOnce = 2 ** 20;

/**
 * `freeze` on values that are read: of a matrix in another precision only a part of the rows is ever in float32.
 * @throws CorellaError `engine/precision`, and what the reader throws
 */
export async function freezeFrom(
  program: Program,
  reader: ValueReader,
  names: readonly string[],
  { precision, backward }: FrozenOptions,
  zeroPoint: 0 | 128,
): Promise<FrozenParams> {
  const storing = storingOf(program, precision, zeroPoint);
  const stored = new Map<string, StoredMatrix>();
  const values: Values = {};
  for (const name of names) {
    const [rows = 1, columns = 1] = program.params[name]!.shape;
    const how = storing(name);
    if (how === undefined) values[name] = await reader.read(name);
    else if (how.byRows) stored.set(name, await storedInParts(reader, name, [rows, columns], how));
    else stored.set(name, how.store(await reader.read(name), [rows, columns]));
  }
  return { stored, values, backward };
}

async function storedInParts(
  reader: ValueReader,
  name: string,
  [rows, columns]: readonly [number, number],
  { store }: Storing,
): Promise<StoredMatrix> {
  const step = Math.max(1, Math.floor(elementsAtOnce / columns));
  let whole: StoredMatrix | undefined;
  for (let begin = 0; begin < rows; begin += step) {
    const end = Math.min(begin + step, rows);
    const part = store(await reader.read(name, [begin, end]), [end - begin, columns]);
    if (end - begin === rows) return part;
    whole ??= {
      ...part,
      ...mapArrays(part, (array, perRow) => arrayLike(array, perRow * rows)),
    } as StoredMatrix;
    const into = whole as unknown as Record<string, Codes>;
    mapArrays(part, (array, perRow, key) => {
      into[key]!.set(array, begin * perRow);
      return array;
    });
  }
  return { ...whole!, shape: [rows, columns] };
}

type Codes = Uint8Array | Int8Array | Uint16Array | Float32Array;

/** Every array of a stored matrix: codes, scales, zero points, each with as many elements for every row. */
function mapArrays(
  matrix: StoredMatrix,
  map: (array: Codes, perRow: number, key: string) => Codes,
): Record<string, Codes> {
  const arrays = Object.entries(matrix).filter((entry): entry is [string, Codes] =>
    ArrayBuffer.isView(entry[1]),
  );
  return Object.fromEntries(
    arrays.map(([key, array]) => [key, map(array, array.length / matrix.shape[0], key)]),
  );
}

function arrayLike(array: Codes, length: number): Codes {
  return new (array.constructor as new (length: number) => Codes)(length);
}
