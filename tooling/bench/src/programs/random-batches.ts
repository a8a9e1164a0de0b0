import type { Batch, Feed, Program, Values } from "@corella/engine";
import { createGenerator } from "@corella/random";

/** As many as the peers have. */
const batches = 4;

/** Makes a few batches and gives them in turn. */
export function rotating(make: (index: number) => Batch): () => Batch {
  const made = Array.from({ length: batches }, (_, i) => make(i));
  let next = 0;
  return () => made[next++ % batches]!;
}

/** Uniform integers from `first` to `limit` - 1. */
export function integers(shape: readonly number[], first: number, limit: number, name: string): Feed {
  const random = createGenerator(1, name);
  const length = shape.reduce((product, size) => product * size, 1);
  return { shape, data: Int32Array.from({ length }, () => first + random.integer(limit - first)) };
}

/** 0 or 1, [size]. */
export function labels(size: number, index: number): Feed {
  const random = createGenerator(1, `labels/${index}`);
  return { shape: [size], data: Float32Array.from({ length: size }, () => random.integer(2)) };
}

/** Sequences of random tokens; ids below 3 are special. */
export function sequences(count: number, time: number, vocabulary: number, name: string): Int32Array[] {
  return Array.from({ length: count }, (_, row) => {
    return integers([time], 3, vocabulary, `${name}/${row}`).data as Int32Array;
  });
}

/** Elements of all parameters and tables. */
export function elements(
  program: Pick<Program, "params" | "tables">,
  accept: (name: string) => boolean = () => true,
): number {
  let sum = 0;
  for (const [name, { shape }] of Object.entries(program.params))
    if (accept(name)) sum += shape.reduce((product, size) => product * size, 1);
  for (const [name, { rows, dim }] of Object.entries(program.tables)) if (accept(name)) sum += rows * dim;
  return sum;
}

const tileSize = 1_000_003;

/** Normal weights for big models: one block of random numbers again and again, made in a moment. */
export function tiledWeights(program: Pick<Program, "params">): Values {
  const random = createGenerator(1, "tile");
  const tile = Float32Array.from({ length: tileSize }, () => random.normal());
  const values: Values = {};
  let offset = 0;
  for (const [name, { shape, init }] of Object.entries(program.params)) {
    if (init.kind !== "normal") continue;
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    for (let i = 0; i < data.length; i++) {
      data[i] = tile[offset]! * init.std;
      offset = offset + 1 === tileSize ? 0 : offset + 1;
    }
    values[name] = data;
  }
  return values;
}
