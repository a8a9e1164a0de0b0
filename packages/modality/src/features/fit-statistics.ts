import { CorellaError } from "@corella/errors";
import type { InteractionLog } from "../log.ts";
import { keyTexts, parseDimension, statisticColumns, type StatisticConfig } from "../statistics/config.ts";
import { valuesAlong } from "../statistics/dimension-values.ts";
import { statisticsByRow } from "../statistics/count-log.ts";
import { type PlannedStatistic, planStatistics, type StatisticMeans } from "../statistics/plan.ts";
import { attributeKind } from "./known-attributes.ts";
import { type FittedTransform, fitTransform } from "./numeric.ts";

const defaultBuckets = 20;

/**
 * Fits statistics on the training rows: the means they are shrunk to, the scale of their numbers and the boundaries of
 * their buckets. A number of nothing before is scaled as the mean it is shrunk to; buckets are of the rows with something.
 * @returns transforms by column
 * @throws CorellaError `features/bad-key`, `features/unknown-attribute`
 */
export function fitStatistics(
  configs: readonly StatisticConfig[],
  log: InteractionLog,
  trainRows: ArrayLike<number>,
): { means: StatisticMeans; transforms: Record<string, FittedTransform> } {
  for (const config of configs) {
    for (const text of keyTexts(config)) {
      const dimension = parseDimension(config.name, text);
      const { source, attribute, width } = dimension;
      if (attribute === undefined) continue;
      attributeKind(log, source, attribute, `features.${config.name}.by`);
      const { attributes } = source === "user" ? log.users : log.items;
      if (
        width !== undefined &&
        attributes.every((some) => valuesAlong(dimension, undefined, some).length === 0)
      )
        throw noNumber(config.name, text);
    }
  }
  const means = { rating: meanOf(log.rating, trainRows), label: meanOf(log.label, trainRows) };
  const plan = planStatistics(configs, means);
  const byRow = statisticsByRow(plan, log);
  const transforms: Record<string, FittedTransform> = {};
  for (const [position, config] of configs.entries()) {
    const { number, bucket } = statisticColumns(config);
    const values = byRow[position]!;
    const { empty } = plan.statistics[position]!;
    if (number !== undefined)
      transforms[number] = fitTransform("standard", valuesAt(values, trainRows, empty));
    if (bucket !== undefined) {
      const present = valuesAt(values, trainRows, undefined);
      transforms[bucket] = fitTransform({ buckets: config.buckets ?? defaultBuckets }, present);
    }
  }
  return { means, transforms };
}

function noNumber(name: string, text: string): CorellaError {
  return new CorellaError({
    code: "features/bad-key",
    message: `"${text}" asks for stretches of numbers, and the attribute has none.`,
    place: `features.${name}.by`,
    remedy: "Leave out what stands after the /, so that each value is a key.",
  });
}

/** The values of rows; where nothing was before `empty`, or none. */
function valuesAt(
  values: Float32Array,
  rows: ArrayLike<number>,
  empty: PlannedStatistic["empty"],
): Float64Array {
  const found = new Float64Array(rows.length);
  let size = 0;
  for (let i = 0; i < rows.length; i++) {
    const value = values[rows[i]!]!;
    if (!Number.isNaN(value)) found[size++] = value;
    else if (empty !== undefined) found[size++] = empty;
  }
  return found.subarray(0, size);
}

function meanOf(column: Float32Array | Uint8Array, rows: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < rows.length; i++) sum += column[rows[i]!]!;
  return rows.length === 0 ? 0 : sum / rows.length;
}
