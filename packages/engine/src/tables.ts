/**
 * The gradient of a table is the list of (row, gradient) of its lookups. This sums it per distinct row, at a cost that
 * depends on the number of lookups and not on the number of rows.
 */
export class RowGradients {
  readonly #dim: number;
  /** Open addressing from row to slot; -1 is free. */
  #slots = new Int32Array(0);
  #keys = new Int32Array(0);
  /** Distinct rows in the order of their first lookup. */
  rows: Int32Array = new Int32Array(0);
  /** [count, dim] */
  sums: Float32Array = new Float32Array(0);
  count = 0;

  constructor(dim: number) {
    this.#dim = dim;
  }

  /** Forgets everything and makes room for so many lookups. */
  reset(lookups: number): void {
    this.count = 0;
    let size = 16;
    while (size < lookups * 2) size *= 2;
    if (this.#slots.length < size) {
      this.#slots = new Int32Array(size);
      this.#keys = new Int32Array(size);
    }
    this.#slots.fill(-1);
    if (this.rows.length < lookups) {
      this.rows = new Int32Array(lookups);
      this.sums = new Float32Array(lookups * this.#dim);
    }
  }

  /** Adds gradients [n, dim] of the rows `ids` [n]. Row 0 is left out when it is padding. */
  add(ids: Int32Array, gradients: Float32Array, paddingRow: boolean): void {
    const dim = this.#dim;
    const mask = this.#slots.length - 1;
    const { rows, sums } = this;
    for (let i = 0; i < ids.length; i++) {
      const row = ids[i]!;
      if (paddingRow && row === 0) continue;
      let probe = Math.imul(row, 0x9e3779b1) & mask;
      let slot = this.#slots[probe]!;
      while (slot !== -1 && this.#keys[probe] !== row) {
        probe = (probe + 1) & mask;
        slot = this.#slots[probe]!;
      }
      let to: number;
      let from = i * dim;
      if (slot === -1) {
        slot = this.count;
        this.count += 1;
        this.#slots[probe] = slot;
        this.#keys[probe] = row;
        rows[slot] = row;
        to = slot * dim;
        for (const end = to + dim; to < end;) sums[to++] = gradients[from++]!;
      } else {
        to = slot * dim;
        for (const end = to + dim; to < end;) sums[to++]! += gradients[from++]!;
      }
    }
  }

  /** The gradient as a dense array [rows, dim]. */
  toDense(rows: number): Float32Array {
    const dense = new Float32Array(rows * this.#dim);
    for (let i = 0; i < this.count; i++) {
      dense.set(this.sums.subarray(i * this.#dim, (i + 1) * this.#dim), this.rows[i]! * this.#dim);
    }
    return dense;
  }

  /** Multiplies all sums by a factor. */
  scale(factor: number): void {
    for (let i = 0; i < this.count * this.#dim; i++) this.sums[i]! *= factor;
  }

  /** Sum of squares of all sums. */
  squaredNorm(): number {
    let total = 0;
    for (let i = 0; i < this.count * this.#dim; i++) total += this.sums[i]! * this.sums[i]!;
    return total;
  }
}
