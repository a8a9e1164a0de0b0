import type { Program, Values } from "../program/program.ts";
import type { PendingGradients } from "../runtime/runtime.ts";
import { RowGradients } from "../optimizer/tables.ts";

/** One backward pass, as a runtime hands it over. */
export interface BackwardPass {
  readonly dense: ReadonlyMap<string, Float32Array>;
  readonly lookups: readonly {
    readonly table: string;
    readonly ids: Int32Array;
    readonly gradient: Float32Array;
  }[];
}

/** Gradients of one update: the mean over accumulated passes, tables summed per distinct row, clipped to a norm. */
export class GradientSum {
  readonly #program: Program;
  readonly tables: Map<string, RowGradients> = new Map();
  readonly #passes: BackwardPass[] = [];
  dense: Map<string, Float32Array> = new Map();

  constructor(program: Program) {
    this.#program = program;
  }

  /** Takes the gradients of one batch. */
  add(pass: BackwardPass): void {
    this.#passes.push(pass);
  }

  /** Batches that were added and not yet summed. */
  get passes(): number {
    return this.#passes.length;
  }

  /** What was added and not yet summed, for a checkpoint. */
  pending(): PendingGradients[] {
    return this.#passes.map(({ dense, lookups }) => ({ dense: Object.fromEntries(dense), lookups }));
  }

  /** Puts back what `pending` gave for a checkpoint. It is copied: the sum is made in place. */
  restore(pending: readonly PendingGradients[]): void {
    this.#passes.length = 0;
    for (const { dense, lookups } of pending) {
      const copies = Object.entries(dense).map(([name, gradient]) => [name, gradient.slice()] as const);
      this.add({ dense: new Map(copies), lookups });
    }
  }

  /**
   * Sums what was added into `dense` and `tables`, as means, and forgets it.
   * @param clipNorm their largest common norm
   */
  finish(clipNorm: number | undefined): void {
    const count = this.#passes.length;
    const lookups = this.#passes.flatMap((pass) => pass.lookups);
    for (const table of new Set(lookups.map((lookup) => lookup.table))) {
      const spec = this.#program.tables[table]!;
      let rows = this.tables.get(table);
      if (rows === undefined) this.tables.set(table, (rows = new RowGradients(spec.dim)));
      const own = lookups.filter((lookup) => lookup.table === table);
      rows.reset(own.reduce((sum, lookup) => sum + lookup.ids.length, 0));
      for (const lookup of own) rows.add(lookup.ids, lookup.gradient, spec.paddingRow !== false);
    }
    this.dense = new Map(this.#passes[0]!.dense);
    for (const pass of this.#passes.slice(1)) {
      for (const [name, gradient] of pass.dense) {
        const sum = this.dense.get(name)!;
        for (let i = 0; i < sum.length; i++) sum[i]! += gradient[i]!;
      }
    }
    this.#passes.length = 0;
    let factor = 1 / count;
    if (clipNorm !== undefined) {
      const norm = Math.sqrt(this.#squaredNorm()) / count;
      // torch.nn.utils.clip_grad_norm_ divides by the norm plus 1e-6.
      if (norm > clipNorm) factor *= clipNorm / (norm + 1e-6);
    }
    if (factor === 1) return;
    for (const gradient of this.dense.values())
      for (let i = 0; i < gradient.length; i++) gradient[i]! *= factor;
    for (const rows of this.tables.values()) rows.scale(factor);
  }

  #squaredNorm(): number {
    let total = 0;
    for (const gradient of this.dense.values())
      for (let i = 0; i < gradient.length; i++) total += gradient[i]! * gradient[i]!;
    for (const rows of this.tables.values()) total += rows.squaredNorm();
    return total;
  }

  /** All gradients in full size, zeros where there is none. */
  toValues(trainable: ReadonlySet<string>): Values {
    const values: Values = {};
    for (const [name, spec] of Object.entries(this.#program.params)) {
      if (!trainable.has(name)) continue;
      values[name] =
        this.dense.get(name) ?? new Float32Array(spec.shape.reduce((product, size) => product * size, 1));
    }
    for (const [name, spec] of Object.entries(this.#program.tables)) {
      if (!trainable.has(name)) continue;
      values[name] = this.tables.get(name)?.toDense(spec.rows) ?? new Float32Array(spec.rows * spec.dim);
    }
    return values;
  }
}
