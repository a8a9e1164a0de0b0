import { checkArrays, checkPending, checkShapes, stateError } from "./check-state.ts";
import {
  checkOptimizer,
  initialSlotValue,
  slotNames,
  stepScalars,
  updateRows,
  wholeArray,
  type Optimizer,
} from "../optimizer/optimizers.ts";
import { nothingFrozen, type FrozenParams } from "../precision/freeze.ts";
import type { Program, Values } from "../program/program.ts";
import { frozenNames } from "../program/trainable.ts";
import { initialValues, shapesOf } from "../program/values.ts";
import type { TrainerState, TrainOptions } from "../runtime/runtime.ts";
import { MissedSteps, missesSteps } from "../optimizer/missed-steps.ts";
import { rowsAhead, touchRows, type RowGradients } from "../optimizer/tables.ts";

/** The optimiser of each parameter and table that is trained. */
function optimizersOf(program: Program, { optimizer }: TrainOptions): Map<string, Optimizer> {
  const optimizers = new Map<string, Optimizer>();
  for (const name of [...Object.keys(program.params), ...Object.keys(program.tables)]) {
    if (program.params[name]?.trainable === false) continue;
    const chosen = typeof optimizer === "function" ? optimizer(name) : optimizer;
    if (chosen !== null) optimizers.set(name, chosen);
  }
  return optimizers;
}

/** Parameters that a training run with these options leaves alone. */
export function frozenBy(program: Program, options: TrainOptions): string[] {
  return frozenNames(program, new Set(optimizersOf(program, options).keys()));
}

/** Values and optimiser arrays of a training run, and their update outside the graph. */
export class TrainingState {
  readonly values: Values;
  readonly slots: Values = {};
  readonly #program: Program;
  readonly #optimizers = new Map<string, Optimizer>();
  readonly #missed = new Map<string, MissedSteps>();
  readonly #tables: "lazy" | "exact" | "dense";
  readonly #accumulate: number;
  /** The values as they are to be read: with `tables: "exact"`, reading a table brings all its rows up to date. */
  readonly current: Values;
  step = 0;

  /**
   * The state before the first step.
   * @param read frozen parameters that were read; what they store has no values here
   * @throws CorellaError `engine/optimizer`, `engine/shape`
   */
  constructor(program: Program, options: TrainOptions, read: FrozenParams = nothingFrozen) {
    this.#program = program;
    this.#tables = options.tables ?? "lazy";
    this.#accumulate = options.accumulate ?? 1;
    const here = Object.entries(program.params).filter(([name]) => !read.stored.has(name));
    this.values = initialValues({ ...program, params: Object.fromEntries(here) }, options.seed, {
      ...options.values,
      ...read.values,
    });
    for (const [name, chosen] of optimizersOf(program, options)) {
      checkOptimizer(chosen, name);
      this.#optimizers.set(name, chosen);
      for (const slot of slotNames(chosen)) {
        const array = new Float32Array(this.values[name]!.length);
        // Untouched memory of a big table costs nothing: only what is not zero is written.
        if (initialSlotValue(chosen) !== 0) array.fill(initialSlotValue(chosen));
        this.slots[`${slot}.${name}`] = array;
      }
    }
    for (const [name, spec] of Object.entries(program.tables)) {
      const chosen = this.#optimizers.get(name);
      if (this.#tables !== "exact" || chosen === undefined || !missesSteps(chosen)) continue;
      const firstRow = spec.paddingRow === false ? 0 : 1;
      const missed = new MissedSteps(chosen, this.values[name]!, this.slotsOf(name), spec.dim, firstRow);
      this.#missed.set(name, missed);
      if (missed.touched !== undefined) this.slots[`touched.${name}`] = missed.touched;
    }
    this.current = this.#missed.size === 0 ? this.values : this.#upToDate();
  }

  /** Leaves out parameters whose values a graph holds in another precision. */
  leaveOut(names: Iterable<string>): void {
    for (const name of names) {
      delete this.values[name];
      delete this.current[name];
    }
  }

  /** Whether rows have to be told to `catchUp` before a batch reads them. */
  get missesSteps(): boolean {
    return this.#missed.size > 0;
  }

  /** Brings rows of a table up to date, before a batch reads them. */
  catchUp(table: string, ids: Int32Array): void {
    this.#missed.get(table)?.catchUp(ids);
  }

  #upToDate(): Values {
    const values: Values = {};
    for (const name of Object.keys(this.values)) {
      const get = (): Float32Array => {
        this.#missed.get(name)?.catchUpAll();
        return this.values[name]!;
      };
      Object.defineProperty(values, name, { enumerable: true, configurable: true, get });
    }
    return values;
  }

  /** Names of parameters and tables that have an optimiser. */
  get trainable(): ReadonlySet<string> {
    return new Set(this.#optimizers.keys());
  }

  /** The optimiser of a trained parameter or table. */
  optimizerOf(name: string): Optimizer {
    return this.#optimizers.get(name)!;
  }

  /** The optimiser arrays of a parameter or table, in the order of `slotNames`. */
  slotsOf(name: string): Float32Array[] {
    return slotNames(this.optimizerOf(name)).map((slot) => this.slots[`${slot}.${name}`]!);
  }

  /** Updates a dense parameter in place for the current step. */
  updateParam(name: string, gradient: Float32Array, scale: number): void {
    const optimizer = this.optimizerOf(name);
    const values = this.values[name]!;
    const scalars = stepScalars(optimizer, this.step, scale);
    updateRows(optimizer, scalars, values, this.slotsOf(name), gradient, wholeArray(values.length));
  }

  /** Updates the looked-up rows of a table, or all rows, for the current step. */
  updateTable(name: string, gradients: RowGradients, scale: number): void {
    const spec = this.#program.tables[name]!;
    const { dim } = spec;
    const optimizer = this.optimizerOf(name);
    const scalars = stepScalars(optimizer, this.step, scale);
    const values = this.values[name]!;
    const slots = this.slotsOf(name);
    const missed = this.#missed.get(name);
    if (missed !== undefined) {
      missed.step(gradients, scalars);
      return;
    }
    if (this.#tables !== "dense") {
      const { rows, places, sums, count } = gradients;
      for (let from = 0; from < count; from += rowsAhead) {
        const to = Math.min(from + rowsAhead, count);
        for (const array of [values, ...slots]) touchRows(array, rows, from, to, dim);
        updateRows(optimizer, scalars, values, slots, sums, { rows, places, from, to, width: dim });
      }
      return;
    }
    const start = spec.paddingRow === false ? 0 : dim;
    const rest = (array: Float32Array): Float32Array => array.subarray(start);
    const all = wholeArray(values.length - start);
    updateRows(optimizer, scalars, rest(values), slots.map(rest), rest(gradients.toDense(spec.rows)), all);
  }

  /** The state for a checkpoint; the arrays are this state's own. */
  snapshot(): TrainerState {
    const { step, slots } = this;
    return { step, values: { ...this.current }, shapes: shapesOf(this.#program), slots: { ...slots } };
  }

  /**
   * Takes over a state.
   * @throws CorellaError `engine/state` for one that does not fit, before anything is changed
   */
  restore(state: TrainerState): void {
    const pending = state.pending ?? [];
    checkArrays(this.values, state.values, "values");
    checkShapes(shapesOf(this.#program), state.shapes ?? {});
    checkArrays(this.slots, state.slots, "optimiser state");
    if (pending.length >= this.#accumulate)
      throw stateError(
        `it has accumulated ${pending.length} batches, and here ${this.#accumulate} make an update`,
      );
    checkPending(pending, this.#program, this.values);
    this.step = state.step;
    copyInto(this.values, state.values);
    copyInto(this.slots, state.slots);
    for (const missed of this.#missed.values()) missed.begin(this.step);
  }
}

function copyInto(target: Values, source: Values): void {
  for (const [name, array] of Object.entries(target)) if (source[name] !== array) array.set(source[name]!);
}
