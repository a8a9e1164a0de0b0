import { betasOf, epsilonOf, l2Of, updateRows, type Optimizer, type StepScalars } from "./optimizers.ts";
import { rowsAhead, touchRows, type RowGradients } from "./tables.ts";

/** Missed steps that are replayed between two looks whether more of them can matter. */
const stepsBetweenLooks = 8;
/** After so many steps all rows catch up, so that what has to be remembered stays small. */
const longestHistory = 16_384;

/**
 * The rows of one table under `tables: "exact"`. An optimiser with dense gradients moves every row at every step: moments
 * decay and still push the weights, decay and L2 shrink them. Here a row that is not looked up misses those steps, and
 * catches up before it is read.
 *
 * With L2 each missed step is repeated as it would have been, with a gradient of zero. Without L2 the moments have a closed
 * form, m beta1^n and v beta2^n after n missed steps, and only the weights are replayed:
 *
 *   w <- decay_j w - rate_j m beta1^n / (sqrt(v beta2^n) correction_j + epsilon)
 *
 * Moments stay as of the row's last gradient (`touched`) until its next, so that reading the weights in between changes no
 * bit of what follows.
 */
export class MissedSteps {
  readonly #optimizer: Optimizer;
  readonly #weights: Float32Array;
  readonly #slots: readonly Float32Array[];
  readonly #dim: number;
  readonly #firstRow: number;
  /** The step of each row's last gradient, where moments have a closed form. Exact in float32 up to 2^24 steps. */
  readonly touched: Float32Array | undefined;
  /** The last step that the weights of each row have seen. */
  readonly #current: Int32Array;
  /** The last step that was taken, and the numbers of the steps from #first to it. */
  #now = 0;
  #first = 0;
  readonly #history: StepScalars[] = [];
  #largestRate = 0;
  #smallestDecay = 1;
  readonly #beta1: number;
  readonly #rootBeta2: number;
  readonly #zeros: Float32Array;
  /** Moments of one row: m, and sqrt(v). */
  readonly #m: Float64Array;
  readonly #s: Float64Array;

  /**
   * Takes over a table as it stands at step 0.
   * @param weights [rows, dim], updated in place
   * @param slots the table's optimiser arrays, in the order of `slotNames`
   * @param firstRow 1 where row 0 is padding, which no step moves
   */
  constructor(
    optimizer: Optimizer,
    weights: Float32Array,
    slots: readonly Float32Array[],
    dim: number,
    firstRow: number,
  ) {
    this.#optimizer = optimizer;
    this.#weights = weights;
    this.#slots = slots;
    this.#dim = dim;
    this.#firstRow = firstRow;
    const rows = weights.length / dim;
    this.touched = l2Of(optimizer) === 0 ? new Float32Array(rows) : undefined;
    this.#current = new Int32Array(rows);
    this.#zeros = new Float32Array(dim);
    this.#m = new Float64Array(dim);
    this.#s = new Float64Array(dim);
    const [first, second] = momentsOf(optimizer);
    this.#beta1 = first;
    this.#rootBeta2 = Math.sqrt(second);
  }

  /** Brings the weights of these rows to the end of the last step. Ids that are no rows are left to who reads them. */
  catchUp(ids: Int32Array): void {
    if (this.#first === this.#now) return;
    for (let block = 0; block < ids.length; block += rowsAhead) {
      const end = Math.min(block + rowsAhead, ids.length);
      for (const array of [this.#weights, ...this.#slots]) touchRows(array, ids, block, end, this.#dim);
      for (let i = block; i < end; i++) {
        const row = ids[i]!;
        if (row >= this.#firstRow && row < this.#current.length) this.#catchUpRow(row);
      }
    }
  }

  /** Brings all weights to the end of the last step; the numbers of the steps until then are of no more use. */
  catchUpAll(): void {
    if (this.#first === this.#now) return;
    for (let row = this.#firstRow; row < this.#current.length; row++) this.#catchUpRow(row);
    this.begin(this.#now);
  }

  /** Says that the weights of all rows stand at the end of a step. */
  begin(step: number): void {
    this.#current.fill(step);
    this.#now = step;
    this.#first = step;
    this.#history.length = 0;
    this.#largestRate = 0;
    this.#smallestDecay = 1;
  }

  /** Takes a step: updates the rows that have a gradient and notes what the others miss. */
  step(gradients: RowGradients, scalars: StepScalars): void {
    for (let i = 0; i < gradients.count; i++) {
      const row = gradients.rows[i]!;
      this.#catchUpRow(row);
      this.#decayMoments(row);
      this.#current[row] = this.#now + 1;
    }
    const { rows, places, sums, count } = gradients;
    const range = { rows, places, from: 0, to: count, width: this.#dim };
    updateRows(this.#optimizer, scalars, this.#weights, this.#slots, sums, range);
    this.#now += 1;
    this.#history.push(scalars);
    this.#largestRate = Math.max(this.#largestRate, scalars.rate);
    this.#smallestDecay = Math.min(this.#smallestDecay, scalars.decay);
    if (this.#history.length >= longestHistory) this.catchUpAll();
  }

  #catchUpRow(row: number): void {
    const from = this.#current[row]!;
    if (from >= this.#now) return;
    this.#current[row] = this.#now;
    if (this.touched === undefined) this.#repeatSteps(row, from);
    else this.#replayWeights(row, from, this.touched[row]!);
  }

  #repeatSteps(row: number, from: number): void {
    const range = { rows: Int32Array.of(row), places: Int32Array.of(0), from: 0, to: 1, width: this.#dim };
    for (let step = from; step < this.#now; step++) {
      const scalars = this.#history[step - this.#first]!;
      updateRows(this.#optimizer, scalars, this.#weights, this.#slots, this.#zeros, range);
    }
  }

  #replayWeights(row: number, from: number, touched: number): void {
    const now = this.#now;
    const weights = this.#weights;
    const dim = this.#dim;
    const start = row * dim;
    const m = this.#m;
    const s = this.#s;
    const adaptive = this.#optimizer.kind !== "sgd";
    for (let i = 0; i < dim; i++) {
      m[i] = this.#slots[0]![start + i]!;
      s[i] = adaptive ? Math.sqrt(this.#slots[1]![start + i]!) : 0;
    }
    // SGD's momentum is the same formula with a denominator of 1; Nesterov's looks one beta further.
    const epsilon = adaptive ? epsilonOf(this.#optimizer as Exclude<Optimizer, { kind: "sgd" }>) : 1;
    const ahead = this.#optimizer.kind === "sgd" && this.#optimizer.nesterov ? 1 : 0;
    const firstPowers = powersOf(this.#beta1, now - touched + 1);
    const secondRootPowers = powersOf(this.#rootBeta2, now - touched);
    let step = from;
    while (step < now && !this.#settled(start, step + 1 - touched, epsilon)) {
      const until = Math.min(now, step + stepsBetweenLooks);
      for (; step < until; step++) {
        const { rate, correction, decay } = this.#history[step - this.#first]!;
        const age = step + 1 - touched;
        const push = rate * firstPowers[age + ahead]!;
        const root = secondRootPowers[age]! * correction;
        for (let i = 0; i < dim; i++)
          weights[start + i] = weights[start + i]! * decay - (push * m[i]!) / (s[i]! * root + epsilon);
      }
    }
    if (this.#smallestDecay === 1) return;
    for (; step < now; step++) {
      const { decay } = this.#history[step - this.#first]!;
      for (let i = start; i < start + dim; i++) weights[i]! *= decay;
    }
  }

  /**
   * Whether no update of a row from missed step n (`age`) on can change its weights, apart from their decay: then leaving
   * them out gives the same bits. An update is at most
   *
   *   u_n = largest rate * |m| beta1^n / (sqrt(v) sqrt(beta2)^n + epsilon),
   *
   * since the correction is at least 1, and from one missed step to the next that bound shrinks by r = beta1 / sqrt(beta2)
   * or faster, where r <= 1 (otherwise: by beta1, with the root left out).
   * - Without decay, w - u rounds to w if u is below half the distance to the next float32, which is at least 2^-25 |w|.
   * - With decay, the float64 w decay - u rounds to w decay if u is below 2^-54 of that, and stays so at the following steps
   *   if w shrinks slower than the bound: decay >= r, with the rounding of w itself (2^-24) left to spare.
   */
  #settled(start: number, age: number, epsilon: number): boolean {
    const beta1 = this.#beta1;
    const ratio = beta1 / this.#rootBeta2;
    const usesRoot = ratio <= 1;
    const decays = this.#smallestDecay < 1;
    if (decays && this.#smallestDecay * (1 - 2 ** -23) < (usesRoot ? ratio : beta1)) return false;
    const least = decays ? 2 ** -55 * this.#smallestDecay : 2 ** -26;
    const push = this.#largestRate * powersOf(beta1, age)[age]!;
    const root = usesRoot ? powersOf(this.#rootBeta2, age)[age]! : 0;
    for (let i = 0; i < this.#dim; i++) {
      const bound = (push * Math.abs(this.#m[i]!)) / (this.#s[i]! * root + epsilon);
      if (!(bound <= least * Math.abs(this.#weights[start + i]!))) return false;
    }
    return true;
  }

  /** Brings the moments of a row to the end of the last step, and notes that the next one touches it. */
  #decayMoments(row: number): void {
    if (this.touched === undefined) return;
    const age = this.#now - this.touched[row]!;
    this.touched[row] = this.#now + 1;
    if (age === 0) return;
    const [m, v] = this.#slots;
    const first = powersOf(this.#beta1, age)[age]!;
    const second = powersOf(this.#rootBeta2, age)[age]! ** 2;
    for (let i = row * this.#dim; i < (row + 1) * this.#dim; i++) {
      m![i]! *= first;
      if (v !== undefined) v[i]! *= second;
    }
  }
}

/** Whether missed steps of an optimiser change anything. */
export function missesSteps(optimizer: Optimizer): boolean {
  if (l2Of(optimizer) !== 0) return true;
  return optimizer.kind === "sgd" ? Boolean(optimizer.momentum) : optimizer.kind !== "adagrad";
}

/** What the first and the second moment are multiplied with at each step. */
function momentsOf(optimizer: Optimizer): readonly [number, number] {
  if (optimizer.kind === "adam" || optimizer.kind === "adamw") return betasOf(optimizer);
  return [optimizer.kind === "sgd" ? (optimizer.momentum ?? 0) : 0, 1];
}

const powersByBase = new Map<number, number[]>();

/** base^0, base^1, ... to the exponent at least, as products: the same numbers in whatever portions they are asked for. */
function powersOf(base: number, exponent: number): readonly number[] {
  let powers = powersByBase.get(base);
  if (powers === undefined) powersByBase.set(base, (powers = [1]));
  while (powers.length <= exponent) powers.push(powers.at(-1)! * base);
  return powers;
}
