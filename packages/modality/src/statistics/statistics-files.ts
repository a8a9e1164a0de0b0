import { CorellaError } from "@corella/errors";
import { type TensorToWrite, type TensorView, toTypedArray } from "@corella/safetensors";
import { z } from "zod";
import { createPairTable } from "./pair-table.ts";
import type { StatisticsPlan, TallyPlan } from "./plan.ts";
import { cellWidth, lastAt, quantitiesAt, weightAt } from "./tallies.ts";
import { createRunningStatistics, type RunningStatistics } from "./running-statistics.ts";

/** What a file says of running statistics beside their arrays. */
export interface StatisticsJson {
  version: 1;
  ties: "exclude" | "order";
  /** The time of the latest event in seconds; null without one. */
  latest: number | null;
  /** Values by dimension of the plan, then by code. */
  names: readonly (readonly string[])[];
}

const jsonSchema: z.ZodType<StatisticsJson> = z.strictObject({
  version: z.literal(1),
  ties: z.enum(["exclude", "order"]),
  latest: z.number().nullable(),
  names: z.array(z.array(z.string())),
});

/** Running statistics as facts for JSON, and arrays by tally and key for safetensors. */
export interface StatisticsFiles {
  json: StatisticsJson;
  tensors: Record<string, TensorToWrite>;
}

/** Names of a key's cells in files, and where they are. */
function cellNames({ quantities }: TallyPlan): [name: string, at: number][] {
  return [
    ["weight", weightAt],
    ["last", lastAt],
    ...quantities.map((_, q): [string, number] => [`quantity.${q}`, quantitiesAt + q]),
  ];
}

/** What files hold of running statistics: every event that was observed, those of the latest instant too. */
export function statisticsToFiles(statistics: RunningStatistics): StatisticsFiles {
  const { ties, latest, names, tallies } = statistics.counted();
  const tensors: Record<string, TensorToWrite> = {};
  for (const [t, { plan, pairs, cells, width }] of tallies.entries()) {
    const keyCount = pairs?.size ?? names[plan.dimensions[0]!]!.length;
    const size = Math.min(keyCount, cells.length / width);
    for (const [name, at] of cellNames(plan)) {
      const data = Float64Array.from({ length: size }, (_, key) => cells[key * width + at]!);
      tensors[`${t}.${name}`] = { dtype: "F64", shape: [size], data };
    }
    if (pairs !== undefined)
      tensors[`${t}.pairs`] = { dtype: "I32", shape: [pairs.size, 2], data: pairs.toArray() };
  }
  return {
    json: { version: 1, ties, latest: Number.isFinite(latest) ? latest : null, names },
    tensors,
  };
}

/**
 * Restores running statistics from files.
 * @param plan that of the feature map which they were written for
 * @param place names the files in errors
 * @throws CorellaError `features/bad-statistics` where they are not of this plan
 */
export function statisticsFromFiles(
  plan: StatisticsPlan,
  files: { json: unknown; tensors: ReadonlyMap<string, TensorView> },
  place: string,
): RunningStatistics {
  const parsed = jsonSchema.safeParse(files.json);
  if (!parsed.success || parsed.data.names.length !== plan.dimensions.length) throw foreign(place);
  const { ties, latest, names } = parsed.data;
  const read = <T extends Float64Array | Int32Array>(name: string, kind: new () => T): T => {
    const view = files.tensors.get(name);
    const values = view === undefined ? undefined : toTypedArray(view);
    if (values instanceof kind) return values.slice() as T; // its own memory, which goes on counting
    throw foreign(place);
  };
  const cellsOf = (tally: TallyPlan, t: number): Float64Array => {
    const columns = cellNames(tally).map(([name, at]) => [at, read(`${t}.${name}`, Float64Array)] as const);
    const size = columns[0]![1].length;
    const cells = new Float64Array(size * cellWidth(tally));
    for (const [at, column] of columns) {
      if (column.length !== size) throw foreign(place);
      for (let key = 0; key < size; key++) cells[key * cellWidth(tally) + at] = column[key]!;
    }
    return cells;
  };
  const tallies = plan.tallies.map((tally, t) => ({
    plan: tally,
    pairs: tally.dimensions.length === 2 ? createPairTable(read(`${t}.pairs`, Int32Array)) : undefined,
    cells: cellsOf(tally, t),
    width: cellWidth(tally),
    keys: new Int32Array(16),
  }));
  return createRunningStatistics(plan, { ties, latest: latest ?? Number.NEGATIVE_INFINITY, names, tallies });
}

function foreign(place: string): CorellaError {
  return new CorellaError({
    code: "features/bad-statistics",
    message: "The running statistics are not those of the feature map.",
    place,
    remedy: "Restore both files from one bundle, or train it again.",
  });
}
