import { systemParts } from "@corella/alignment";
import { partsTable, type PartsSegment, type SeededPredictions } from "@corella/evaluation";
import { rowSegments } from "@corella/modality";
import { evaluated, groupsOf, type Built, type TableInputs } from "./inputs.ts";
import { runsOf, seeded } from "./predictions.ts";

/** Segments in which the LLM may know more than the CRM. */
const shown: readonly string[] = ["new users", "new items", "no history", "history of 1 to 5"];

/** What each part of the system adds to those before it, on all rows and in the segments of little history. */
export function parts(inputs: TableInputs): Built {
  const { runs, config, log, train, rows } = inputs;
  const models = systemParts(config).map(({ name, title, variant, prediction }) =>
    seeded(runsOf(runs, variant.id), rows, groupsOf(inputs), {
      as: name,
      title,
      ...(prediction === undefined ? {} : { name: prediction }),
    }),
  );
  const segments = [
    { name: "all", rows: Uint32Array.from(rows.keys()) },
    ...rowSegments(log, train, rows).filter(({ name }) => shown.includes(name)),
  ].map(({ name, rows: positions }): PartsSegment => {
    const within = models.map((model) => ({
      ...model,
      validation: undefined,
      seeds: model.seeds.map((all) => Float32Array.from(positions, (position) => all[position]!)),
    }));
    const part = { ...inputs, rows: positions.map((position) => rows[position]!) };
    return { title: name, count: positions.length, rows: within.map((_, at) => rowOf(within, at, part)) };
  });
  const note = `Each row has what the rows before it have; differences of AUC with 95 % intervals are to the row before. ${inputs.rowsNote}`;
  return { tables: [partsTable("parts", "Parts: what each adds", segments, note)] };
}

/** The figures of one of the models, beside the one before it. */
function rowOf(
  models: readonly SeededPredictions[],
  at: number,
  part: TableInputs,
): PartsSegment["rows"][number] {
  const pair = models.slice(Math.max(0, at - 1), at + 1);
  return evaluated(part, pair, pair[0]!.name).rows.at(-1)!;
}
