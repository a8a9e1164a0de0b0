import { CorellaError } from "@corella/errors";
import { codedRows } from "../context.ts";
import type { InteractionLog } from "../log.ts";
import { keyTexts, parseDimension, statisticColumns, type StatisticConfig } from "../statistics/config.ts";
import { statisticsOfLog } from "../statistics/count-log.ts";
import { valuesAlong } from "../statistics/dimension-values.ts";
import { type PlannedStatistic, planStatistics, type StatisticMeans } from "../statistics/plan.ts";
import type { RowValuesOptions } from "../statistics/row-values.ts";
import { attributeKind } from "./known-attributes.ts";
import { createMoments, type FittedTransform, fitTransform } from "./numeric.ts";

const defaultBuckets = 20;
/** Rows by which buckets are cut at most; of more training rows, so many that are evenly spaced. */
const mostForBuckets = 2 ** 22;

/**
 * Fits statistics on the training rows: the means they are shrunk to, the scale of their numbers and the boundaries of
 * their buckets. A number of nothing before is scaled as the mean it is shrunk to; buckets are of the rows with something.
 * @param options of the pass over the log that this is
 * @returns transforms by column
 * @throws CorellaError `features/bad-key`, `features/unknown-attribute`
 */
export function fitStatistics(
  configs: readonly StatisticConfig[],
  log: InteractionLog,
  trainRows: ArrayLike<number>,
  options?: RowValuesOptions,
): { means: StatisticMeans; transforms: Record<string, FittedTransform> } {
  for (const config of configs) {
    for (const text of keyTexts(config)) {
      const dimension = parseDimension(config.name, text);
      const { source, attribute, width } = dimension;
      if (attribute === undefined) continue;
      attributeKind(log, source, attribute, `features.${config.name}.by`);
      const { attributes } = codedRows(log, dimension);
      if (
        width !== undefined &&
        attributes.every((some) => valuesAlong(dimension, undefined, some).length === 0)
      )
        throw noNumber(config.name, text);
    }
  }
  const means = { rating: meanOf(log.rating, trainRows), label: meanOf(log.label, trainRows) };
  const plan = planStatistics(configs, means);
  const fits = configs.map((config, position) => createFit(config, plan.statistics[position]!));
  const rows = Uint32Array.from(trainRows).sort();
  const every = Math.ceil(rows.length / mostForBuckets);
  let next = 0;
  for (const block of statisticsOfLog(plan, log, options).rows.blocks()) {
    for (; next < rows.length && rows[next]! < block.first + block.rows; next++) {
      const from = (rows[next]! - block.first) * fits.length;
      for (const [position, fit] of fits.entries())
        fit.add(block.values[from + position]!, next % every === 0);
    }
  }
  return { means, transforms: Object.assign({}, ...fits.map((fit) => fit.transforms())) };
}

function noNumber(name: string, text: string): CorellaError {
  return new CorellaError({
    code: "features/bad-key",
    message: `"${text}" asks for stretches of numbers, and the attribute has none.`,
    place: `features.${name}.by`,
    remedy: "Leave out what stands after the /, so that each value is a key.",
  });
}

/** Sees the values of a statistic, and fits its columns to them. */
interface StatisticFit {
  /** @param forBuckets whether the row is one of those by which buckets are cut */
  add(value: number, forBuckets: boolean): void;
  transforms(): Record<string, FittedTransform>;
}

function createFit(config: StatisticConfig, { empty }: PlannedStatistic): StatisticFit {
  const { number, bucket } = statisticColumns(config);
  const moments = createMoments();
  const present: number[] = [];
  return {
    add(value, forBuckets) {
      if (!Number.isNaN(value)) {
        if (number !== undefined) moments.add(value);
        if (bucket !== undefined && forBuckets) present.push(value);
      } else if (empty !== undefined && number !== undefined) moments.add(empty);
    },
    transforms() {
      const found: Record<string, FittedTransform> = {};
      if (number !== undefined) found[number] = { kind: "standard", ...moments.fit() };
      if (bucket !== undefined) {
        const buckets = config.buckets ?? defaultBuckets;
        found[bucket] = fitTransform({ buckets }, Float64Array.from(present));
      }
      return found;
    },
  };
}

function meanOf(column: Float32Array | Uint8Array, rows: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < rows.length; i++) sum += column[rows[i]!]!;
  return rows.length === 0 ? 0 : sum / rows.length;
}
