/**
 * The gradient of a table is the list of (row, gradient) of its lookups. This sums it per distinct row, at a cost that
 * depends on the number of lookups and not on the number of rows.
 */
export class RowGradients {
  readonly #dim: number;
  /** Open addressing from row to its place in `sums`; -1 is free. */
  #slots = new Int32Array(0);
  #keys = new Int32Array(0);
  /** Distinct rows in the order of their first lookup. */
  rows: Int32Array = new Int32Array(0);
  /** Gradients as they came, [lookups, dim]; that of a row's first lookup becomes the row's sum. */
  sums: Float32Array = new Float32Array(0);
  /** Where in `sums` the sum of each distinct row stands. */
  places: Int32Array = new Int32Array(0);
  count = 0;
  #lookups = 0;

  constructor(dim: number) {
    this.#dim = dim;
  }

  /** Forgets everything and makes room for so many lookups. */
  reset(lookups: number): void {
    this.count = 0;
    this.#lookups = 0;
    let size = 16;
    while (size < lookups * 2) size *= 2;
    if (this.#slots.length < size) {
      this.#slots = new Int32Array(size);
      this.#keys = new Int32Array(size);
    }
    this.#slots.fill(-1);
    if (this.rows.length < lookups) {
      this.rows = new Int32Array(lookups);
      this.places = new Int32Array(lookups);
      this.sums = new Float32Array(lookups * this.#dim);
    }
  }

  /** Adds gradients [n, dim] of the rows `ids` [n]. Row 0 is left out when it is padding. */
  add(ids: Int32Array, gradients: Float32Array, paddingRow: boolean): void {
    const dim = this.#dim;
    const mask = this.#slots.length - 1;
    const { rows, places, sums } = this;
    // One copy of all is faster than one of each row, and most rows of a big table are looked up once.
    sums.set(gradients, this.#lookups * dim);
    for (let i = 0; i < ids.length; i++) {
      const row = ids[i]!;
      const place = this.#lookups + i;
      if (paddingRow && row === 0) continue;
      let probe = Math.imul(row, 0x9e3779b1) & mask;
      let slot = this.#slots[probe]!;
      while (slot !== -1 && this.#keys[probe] !== row) {
        probe = (probe + 1) & mask;
        slot = this.#slots[probe]!;
      }
      if (slot === -1) {
        this.#slots[probe] = place;
        this.#keys[probe] = row;
        rows[this.count] = row;
        places[this.count] = place;
        this.count += 1;
      } else {
        let to = slot * dim;
        let from = place * dim;
        for (const end = to + dim; to < end;) sums[to++]! += sums[from++]!;
      }
    }
    this.#lookups += ids.length;
  }

  /** The gradient as a dense array [rows, dim]. */
  toDense(rows: number): Float32Array {
    const dense = new Float32Array(rows * this.#dim);
    for (let i = 0; i < this.count; i++) {
      const start = this.places[i]! * this.#dim;
      dense.set(this.sums.subarray(start, start + this.#dim), this.rows[i]! * this.#dim);
    }
    return dense;
  }

  /** Multiplies all sums by a factor. */
  scale(factor: number): void {
    for (let i = 0; i < this.#lookups * this.#dim; i++) this.sums[i]! *= factor;
  }

  /** Sum of squares of all sums. */
  squaredNorm(): number {
    let total = 0;
    for (let row = 0; row < this.count; row++) {
      const start = this.places[row]! * this.#dim;
      for (let i = start; i < start + this.#dim; i++) total += this.sums[i]! * this.sums[i]!;
    }
    return total;
  }
}

/** Rows that are fetched from memory together. Of 16 to 128, with 10^6 and 10^7 rows, the most measures best. */
export const rowsAhead: number = 128;
const floatsInCacheLine = 16;
/** Keeps the reads of `touchRows` from being optimised away. */
const touched = new Float64Array(1);

/**
 * Reads one number of each cache line of some rows. Rows of a big table are far apart, and each costs a wait for memory
 * when its update comes; reads with nothing between them wait together.
 */
export function touchRows(
  table: Float32Array,
  rows: Int32Array,
  from: number,
  to: number,
  dim: number,
): void {
  let sum = 0;
  for (let i = from; i < to; i++) {
    const start = rows[i]! * dim;
    for (let j = 0; j < dim; j += floatsInCacheLine) sum += table[start + j]!;
    sum += table[start + dim - 1]!;
  }
  touched[0] = sum;
}
