import { createPairTable, type PairTable } from "./pair-table.ts";
import type { Deviation, StatisticsPlan, TallyPlan } from "./plan.ts";

/** What one sample or event has along a dimension: `codes[start .. end)`, each at most once. */
export interface Span {
  codes: Int32Array;
  start: number;
  end: number;
}

/** An event as it is counted. */
export interface CountedEvent {
  rating: number;
  label: number;
  /** Seconds since 1970. */
  time: number;
}

/** Accumulators by key. A key is the code along the tally's dimension, or the id of a pair of codes. */
export interface Tally {
  readonly plan: TallyPlan;
  readonly pairs: PairTable | undefined;
  /**
   * [keys, width], a key's side by side: in a large state every access waits for memory, and so it is one. The time of the
   * key's latest event, -Infinity for a key without one; the weight of its events, aged to that time; then the quantities
   * of the plan, sums aged likewise.
   */
  cells: Float64Array;
  readonly width: number;
  /** What `findKeys` found last. */
  keys: Int32Array;
}

/** Where a key's cells hold the time of its latest event. */
export const lastAt = 0;
/** Where a key's cells hold the weight of its events. */
export const weightAt = 1;
/** Where a key's cells hold the first of its quantities. */
export const quantitiesAt = 2;

/** Cells of a key. */
export function cellWidth({ quantities }: TallyPlan): number {
  return quantitiesAt + quantities.length;
}

/** Empty accumulators of a plan. */
export function createTallies({ tallies }: StatisticsPlan): Tally[] {
  return tallies.map((plan) => ({
    plan,
    pairs: plan.dimensions.length === 2 ? createPairTable() : undefined,
    cells: new Float64Array(0),
    width: cellWidth(plan),
    keys: new Int32Array(16),
  }));
}

/** A tally with memory of its own. */
export function copyTally({ plan, pairs, cells, width }: Tally): Tally {
  return {
    plan,
    pairs: pairs === undefined ? undefined : createPairTable(pairs.toArray()),
    cells: cells.slice(),
    width,
    keys: new Int32Array(16),
  };
}

/**
 * Reads every statistic of a sample from what was counted so far.
 * @param spans the sample's codes by dimension of the plan
 * @param time of the sample in seconds; a time before a key's latest event counts as that event's
 * @param values statistics in their order, as 32-bit floats have them; NaN where nothing was before
 */
export function readStatistics(
  { statistics }: StatisticsPlan,
  tallies: readonly Tally[],
  spans: readonly Span[],
  time: number,
  values: Float32Array,
): void {
  for (const tally of tallies) {
    const keyCount = findKeys(tally, spans, false);
    for (const position of tally.plan.statistics) {
      const { value, quantity, prior, priorMean, plain } = statistics[position]!;
      const { cells, width, keys } = tally;
      let sum = 0;
      let present = 0;
      for (let i = 0; i < keyCount; i++) {
        const cell = keys[i]! * width;
        if (cell < 0 || cell >= cells.length) continue;
        const last = cells[cell + lastAt]!;
        if (last === Number.NEGATIVE_INFINITY) continue;
        present += 1;
        const age = Math.max(0, time - last);
        const weight = cells[cell + weightAt]!;
        const kept = cells[cell + quantitiesAt + quantity]!; // of those that have a quantity
        if (value === "sinceLast") sum += plain ? age : Math.log1p(age);
        else if (value === "last") sum += kept;
        else {
          const part = remaining(tally.plan, age);
          if (value === "count") sum += plain ? weight * part : Math.log1p(weight * part);
          else sum += shrunk(kept, weight, part, priorMean, prior);
        }
      }
      // A key that never occurred has a count, 0, and no other value.
      values[position] = value === "count" ? (keyCount === 0 ? 0 : sum / keyCount) : sum / present;
    }
  }
}

/** Cells as they were before some events, by tally, then by where a key's begin. */
export type SavedCells = readonly Map<number, Float64Array>[];

/** Keeps the cells that an event with such spans will change, where they are not kept yet. */
export function saveCells(tallies: readonly Tally[], spans: readonly Span[], saved: SavedCells): void {
  for (const [t, tally] of tallies.entries()) {
    const keyCount = findKeys(tally, spans, true);
    for (let i = 0; i < keyCount; i++) {
      const cell = tally.keys[i]! * tally.width;
      if (!saved[t]!.has(cell)) saved[t]!.set(cell, tally.cells.slice(cell, cell + tally.width));
    }
  }
}

/** Puts back what `saveCells` kept, and forgets it. */
export function restoreCells(tallies: readonly Tally[], saved: SavedCells): void {
  for (const [t, cells] of saved.entries()) {
    for (const [cell, values] of cells) tallies[t]!.cells.set(values, cell);
    cells.clear();
  }
}

/**
 * What an event differs by from the running means of its user or item, by deviation of the plan.
 * @param out written from `at`
 * @param saved read in place of the cells that it holds
 */
export function readDeviations(
  { deviations, means }: StatisticsPlan,
  tallies: readonly Tally[],
  spans: readonly Span[],
  event: CountedEvent,
  out: Float64Array,
  at: number,
  saved?: SavedCells,
): void {
  for (const [slot, deviation] of deviations.entries()) {
    const { tally } = deviation;
    const mean = meanOf(deviation, means[deviation.of], tallies[tally]!, spans, event.time, saved?.[tally]);
    out[at + slot] = event[deviation.of] - mean;
  }
}

function meanOf(
  { quantity, prior }: Deviation,
  priorMean: number,
  tally: Tally,
  spans: readonly Span[],
  time: number,
  saved: SavedCells[number] | undefined,
): number {
  const { codes, start, end } = spans[tally.plan.dimensions[0]!]!;
  const key = start < end ? codes[start]! : -1; // an id: there is one, or none of an anonymous user
  const before = saved?.get(key * tally.width);
  const cells = before ?? tally.cells;
  const cell = before === undefined ? key * tally.width : 0;
  const last = key < 0 ? undefined : cells[cell + lastAt];
  if (last === undefined || last === Number.NEGATIVE_INFINITY) return priorMean;
  const part = remaining(tally.plan, Math.max(0, time - last));
  return shrunk(cells[cell + quantitiesAt + quantity]!, cells[cell + weightAt]!, part, priorMean, prior);
}

/**
 * The mean of events of which a part is left, and of those of the prior. Without a prior the part, which may be nothing at all after a
 * thousand half-lives, is in both and makes no difference.
 */
function shrunk(sum: number, weight: number, part: number, priorMean: number, prior: number): number {
  return prior === 0 ? sum / weight : (sum * part + priorMean * prior) / (weight * part + prior);
}

/**
 * Counts an event.
 * @param deviations those of `readDeviations` for it, from `deviationsAt`
 */
export function countEvent(
  tallies: readonly Tally[],
  spans: readonly Span[],
  event: CountedEvent,
  deviations: Float64Array,
  deviationsAt: number,
): void {
  for (const tally of tallies) {
    const keyCount = findKeys(tally, spans, true);
    const { plan, cells, width, keys } = tally;
    for (let i = 0; i < keyCount; i++) {
      const cell = keys[i]! * width;
      const last = cells[cell + lastAt]!;
      const isLatest = event.time >= last;
      const age = Math.abs(event.time - last); // Infinity at a key's first event
      const part = age === 0 || age === Number.POSITIVE_INFINITY ? 1 : remaining(plan, age);
      const keep = isLatest ? part : 1;
      const enter = isLatest ? 1 : part; // an event that comes late is aged itself
      cells[cell + weightAt] = cells[cell + weightAt]! * keep + enter;
      for (let q = 0; q < plan.quantities.length; q++) {
        const quantity = plan.quantities[q]!;
        const at = cell + quantitiesAt + q;
        if (quantity.kind === "latest") {
          if (isLatest) cells[at] = event[quantity.of];
          continue;
        }
        const x =
          quantity.kind === "deviation" ? deviations[deviationsAt + quantity.slot]! : event[quantity.of];
        cells[at] = cells[at]! * keep + x * enter;
      }
      if (isLatest) cells[cell + lastAt] = event.time;
    }
  }
}

/** Which part of an event's weight is left at an age in seconds. */
function remaining({ halfLifeSeconds }: TallyPlan, age: number): number {
  return halfLifeSeconds === 0 ? 1 : 2 ** (-age / halfLifeSeconds);
}

/**
 * Finds a sample's keys in a tally.
 * @param add a new pair gets an id, and every key a place
 * @returns how many there are in `tally.keys`; -1 stands for what never occurred
 */
function findKeys(tally: Tally, spans: readonly Span[], add: boolean): number {
  const { plan, pairs } = tally;
  const first = spans[plan.dimensions[0]!]!;
  const second = pairs === undefined ? undefined : spans[plan.dimensions[1]!]!;
  const keyCount = (first.end - first.start) * (second === undefined ? 1 : second.end - second.start);
  if (keyCount > tally.keys.length) tally.keys = new Int32Array(2 * keyCount);
  const { keys } = tally;
  let found = 0;
  let most = -1;
  for (let i = first.start; i < first.end; i++) {
    if (second === undefined) keys[found++] = first.codes[i]!;
    else {
      for (let j = second.start; j < second.end; j++) {
        const [a, b] = [first.codes[i]!, second.codes[j]!];
        keys[found++] = add ? pairs!.add(a, b) : pairs!.find(a, b);
      }
    }
  }
  if (!add) return found;
  for (let i = 0; i < found; i++) most = Math.max(most, keys[i]!);
  if (most * tally.width >= tally.cells.length) makeRoom(tally, most + 1);
  return found;
}

/** Makes room for keys up to a size, and more. */
export function makeRoom(tally: Tally, size: number): void {
  const { cells: before, width } = tally;
  const capacity = Math.max(size, (2 * before.length) / width, 16);
  const cells = new Float64Array(capacity * width);
  cells.set(before);
  for (let cell = before.length; cell < cells.length; cell += width)
    cells[cell + lastAt] = Number.NEGATIVE_INFINITY;
  tally.cells = cells;
}
