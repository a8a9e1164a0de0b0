import type { InteractionLog } from "../log.ts";
import { statisticsOfLog } from "./count-log.ts";
import type { StatisticsPlan } from "./plan.ts";
import type { RowValuesOptions } from "./row-values.ts";

/** The statistics of every row of a log, one column [size] for each, in the plan's order. */
export function statisticsByRow(
  plan: StatisticsPlan,
  log: InteractionLog,
  options?: RowValuesOptions,
): Float32Array[] {
  const values = statisticsOfLog(plan, log, options).rows.at(
    Array.from({ length: log.size }, (_, row) => row),
  );
  const width = plan.statistics.length;
  return plan.statistics.map((_, s) =>
    Float32Array.from({ length: log.size }, (__, row) => values[row * width + s]!),
  );
}
