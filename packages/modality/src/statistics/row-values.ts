import { CorellaError } from "@corella/errors";
import { randomUUID } from "node:crypto";
import { closeSync, mkdirSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Statistics of consecutive rows, from row `first` on: [rows, statistics]. The array is used again. */
export interface RowBlock {
  readonly first: number;
  readonly rows: number;
  readonly values: Float32Array;
}

/** The statistics of every row of a log, in memory or in a file: 4 bytes a row and statistic. */
export interface RowValues {
  /** Statistics of a row: the width of what `at` gives. */
  readonly width: number;
  /** Whether they lie in a file, where going forwards through all of them is cheaper than reading here and there. */
  readonly inFile: boolean;
  /** Of rows in any order, [rows.length, width]. */
  at(rows: ArrayLike<number>): Float32Array;
  /** All of them, in the order of the log. */
  blocks(): Iterable<RowBlock>;
}

/** Where the statistics of a log's rows are kept. */
export interface RowValuesOptions {
  /** More bytes than these go into a file; default 256 MiB. */
  memoryBytes?: number | undefined;
  /** The file lies here, and has no name as soon as it is open; default the system's folder for temporary files. */
  scratchFolder?: string | undefined;
  /** Rows of a block; default 2^15. */
  blockRows?: number | undefined;
}

/**
 * Takes the statistics of one row after the other.
 * @throws CorellaError `data/cache-not-writable`, as do `add` and `finish`
 */
export function collectRowValues(
  size: number,
  width: number,
  { memoryBytes = 2 ** 28, scratchFolder = tmpdir(), blockRows = 2 ** 15 }: RowValuesOptions = {},
): { add(values: Float32Array): void; finish(): RowValues } {
  const inFile = 4 * size * width > memoryBytes;
  const blocks: Float32Array[] = [];
  const file = inFile ? nameless(scratchFolder) : undefined;
  let closed = 0;
  let block: Float32Array | undefined;
  let filled = 0;
  const close = (): void => {
    if (block === undefined) return;
    if (file === undefined) {
      blocks.push(block);
      block = undefined;
    } else write(file, scratchFolder, block.subarray(0, filled), closed * blockRows * width);
    closed += 1;
    filled = 0;
  };
  return {
    add(values) {
      block ??= new Float32Array(Math.min(blockRows, size - closed * blockRows) * width);
      block.set(values, filled);
      filled += width;
      if (filled === block.length) close();
    },
    finish() {
      close();
      return file === undefined ? inMemory(blocks, width, blockRows) : onDisk(file, size, width, blockRows);
    },
  };
}

function inMemory(blocks: readonly Float32Array[], width: number, blockRows: number): RowValues {
  return {
    width,
    inFile: false,
    at(rows) {
      const out = new Float32Array(rows.length * width);
      for (let i = 0, to = 0; i < rows.length; i++) {
        const row = rows[i]!;
        const block = blocks[Math.floor(row / blockRows)]!;
        const from = (row % blockRows) * width;
        for (let s = 0; s < width; s++) out[to++] = block[from + s]!;
      }
      return out;
    },
    *blocks() {
      for (const [b, values] of blocks.entries())
        yield { first: b * blockRows, rows: values.length / width, values };
    },
  };
}

/** Rows that lie at most so far apart on average are read together with what is between them. */
const nearRows = 16;

/** Closes the file of what nobody holds any more. */
let closer: FinalizationRegistry<number> | undefined;

function onDisk(file: number, size: number, width: number, blockRows: number): RowValues {
  const values: RowValues = {
    width,
    inFile: true,
    at(rows) {
      const out = new Float32Array(rows.length * width);
      let [first, last] = [size, -1];
      for (let i = 0; i < rows.length; i++) {
        first = Math.min(first, rows[i]!);
        last = Math.max(last, rows[i]!);
      }
      if (rows.length > 0 && last - first < nearRows * rows.length) {
        const all = new Float32Array((last - first + 1) * width);
        read(file, all, first * width);
        for (let i = 0; i < rows.length; i++) {
          const from = (rows[i]! - first) * width;
          out.set(all.subarray(from, from + width), i * width);
        }
      } else {
        for (let i = 0; i < rows.length; i++)
          read(file, out.subarray(i * width, (i + 1) * width), rows[i]! * width);
      }
      return out;
    },
    *blocks() {
      const block = new Float32Array(Math.min(blockRows, size) * width);
      for (let first = 0; first < size; first += blockRows) {
        const rows = Math.min(blockRows, size - first);
        read(file, block.subarray(0, rows * width), first * width);
        yield { first, rows, values: block };
      }
    },
  };
  closer ??= new FinalizationRegistry(closeSync);
  closer.register(values, file);
  return values;
}

/**
 * The statistics of several lists of ascending rows, [rows, width] each, in one go through all that there are.
 */
export function gatherLists(values: RowValues, lists: readonly Uint32Array[]): Float32Array[] {
  const { width } = values;
  const gathered = lists.map((rows) => new Float32Array(rows.length * width));
  const next = lists.map(() => 0);
  for (const { first, rows: inBlock, values: block } of values.blocks()) {
    for (const [l, rows] of lists.entries()) {
      const out = gathered[l]!;
      let i = next[l]!;
      for (; i < rows.length && rows[i]! < first + inBlock; i++) {
        const from = (rows[i]! - first) * width;
        for (let s = 0; s < width; s++) out[i * width + s] = block[from + s]!;
      }
      next[l] = i;
    }
  }
  return gathered;
}

/** A file that is gone from its folder as soon as it is open, and from the disk with the process. */
function nameless(folder: string): number {
  try {
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `unfinished-${randomUUID()}`);
    const file = openSync(path, "wx+");
    unlinkSync(path);
    return file;
  } catch (cause) {
    throw notWritable(folder, cause);
  }
}

function write(file: number, folder: string, values: Float32Array, at: number): void {
  try {
    for (let done = 0; done < values.byteLength;)
      done += writeSync(file, values, done, values.byteLength - done, 4 * at + done);
  } catch (cause) {
    throw notWritable(folder, cause);
  }
}

function read(file: number, into: Float32Array, at: number): void {
  for (let done = 0; done < into.byteLength;) {
    const bytes = readSync(file, into, done, into.byteLength - done, 4 * at + done);
    if (bytes === 0) throw new Error("the file of running statistics is shorter than was written");
    done += bytes;
  }
}

function notWritable(folder: string, cause: unknown): CorellaError {
  return new CorellaError({
    code: "data/cache-not-writable",
    message: `The running statistics of the rows cannot be kept: ${cause instanceof Error ? cause.message : String(cause)}.`,
    place: folder,
    remedy: "Free some space, or give a cache folder that may be written.",
    cause,
  });
}
