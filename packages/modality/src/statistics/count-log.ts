import type { InteractionLog } from "../log.ts";
import { codeDimension } from "./dimension-values.ts";
import type { StatisticsPlan } from "./plan.ts";
import { collectRowValues, type RowValues, type RowValuesOptions } from "./row-values.ts";
import {
  countEvent,
  type CountedEvent,
  createTallies,
  readDeviations,
  readStatistics,
  type Span,
  type Tally,
} from "./tallies.ts";

/** What was counted in a log. */
export interface CountedLog {
  readonly tallies: readonly Tally[];
  /** Values by dimension, then by code. */
  readonly names: readonly (readonly string[])[];
}

/**
 * Counts the events of a log in one pass, in its order of (time, user, item): linear in rows, memory by distinct key.
 *
 * A row sees the events before it under the log's rule for ties, which says for histories which events of the same user
 * are before a sample. Here it says the same of everybody's: with `exclude` those of a strictly smaller time, so that no
 * event of an instant knows another of it, whoever's it is; with `order` those earlier in the order of (time, user, item).
 * The deviations that an event is counted with follow the rule too. Parts of a split play no role: a row of the test part
 * sees earlier events of its own part, as a server would.
 *
 * @param visit called for each row with its statistics, in their order; NaN where nothing was before. The array is used again.
 */
export function countLog(
  plan: StatisticsPlan,
  log: InteractionLog,
  visit?: (row: number, values: Float32Array) => void,
): CountedLog {
  const tallies = createTallies(plan);
  const dimensions = plan.dimensions.map((dimension) => codeDimension(dimension, log));
  const spans: Span[] = dimensions.map(() => ({ codes: new Int32Array(0), start: 0, end: 0 }));
  const values = new Float32Array(plan.statistics.length);
  const event: CountedEvent = { rating: 0, label: 0, time: 0 };
  const width = plan.deviations.length;
  let deviations = new Float64Array(16 * width);

  const turnTo = (row: number): void => {
    for (let d = 0; d < spans.length; d++) dimensions[d]!.spanOf(row, spans[d]!);
    event.rating = log.rating[row]!;
    event.label = log.label[row]!;
    event.time = log.time[row]!;
  };
  for (let start = 0, end = 0; start < log.size; start = end) {
    end = start + 1;
    if (log.history.ties === "exclude") while (end < log.size && log.time[end] === log.time[start]) end += 1;
    if ((end - start) * width > deviations.length) deviations = new Float64Array(2 * (end - start) * width);
    for (let row = start; row < end; row++) {
      turnTo(row);
      if (visit !== undefined) {
        readStatistics(plan, tallies, spans, event.time, values);
        visit(row, values);
      }
      readDeviations(plan, tallies, spans, event, deviations, (row - start) * width);
    }
    for (let row = start; row < end; row++) {
      if (end - start > 1) turnTo(row);
      countEvent(tallies, spans, event, deviations, (row - start) * width);
    }
  }
  return { tallies, names: dimensions.map(({ names }) => names) };
}

/** What one pass over a log gives: the statistics of its rows, and what is counted at its end. */
export interface LogStatistics {
  /** NaN where nothing was before a row. */
  readonly rows: RowValues;
  /** Not to be counted on: others read it. */
  readonly atEnd: CountedLog;
}

const ofLogs = new WeakMap<InteractionLog, Map<string, LogStatistics>>();

/**
 * Counts a log, once for each plan: whoever asks later gets what is there.
 * @param options of the pass, where it has not been made yet
 * @throws CorellaError `data/cache-not-writable`
 */
export function statisticsOfLog(
  plan: StatisticsPlan,
  log: InteractionLog,
  options?: RowValuesOptions,
): LogStatistics {
  let ofLog = ofLogs.get(log);
  if (ofLog === undefined) ofLogs.set(log, (ofLog = new Map()));
  const key = JSON.stringify(plan);
  let found = ofLog.get(key);
  if (found === undefined) {
    const { add, finish } = collectRowValues(log.size, plan.statistics.length, options);
    const atEnd = countLog(plan, log, (_, values) => add(values));
    ofLog.set(key, (found = { rows: finish(), atEnd }));
  }
  return found;
}
