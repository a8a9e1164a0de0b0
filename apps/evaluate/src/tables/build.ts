import { crmAlone, type ExperimentName, type FinishedRun, type GridPoint } from "@corella/alignment";
import {
  budgetCurve,
  budgetTable,
  confidenceGroupAuc,
  confidenceTable,
  evaluateSeeds,
  mixLimits,
  mixLimitsTable,
  seedsTable,
  segmentsTable,
  simpleModels,
  type ConfidenceGroup,
  type Curve,
  type ResultTable,
  type SeededPredictions,
} from "@corella/evaluation";
import { auc, spread } from "@corella/metrics";
import { rowSegments, type InteractionLog } from "@corella/modality";
import { route } from "@corella/routing";
import { runsOf, saidOf, seeded } from "./predictions.ts";

/** What tables are built of. */
export interface TableInputs {
  readonly runs: readonly FinishedRun[];
  readonly log: InteractionLog;
  /** Rows of the training part. */
  readonly train: Uint32Array;
  /** Rows of the test part that every model has scored. */
  readonly rows: Uint32Array;
  /** What is said of these rows in every table. */
  readonly rowsNote: string;
  /** Seed of the intervals. */
  readonly seed: number;
  readonly intervals: "users" | "rows";
}

/** A table, with its pictures. */
export interface Built {
  readonly tables: readonly ResultTable[];
  readonly curves?: readonly Curve[];
  readonly confidenceGroups?: readonly ConfidenceGroup[];
}

/** Builds each table from the runs that it is made of. */
export const builders: Readonly<Record<ExperimentName, (inputs: TableInputs) => Built>> = {
  "1": (inputs) => ({
    tables: [overSeeds(withAllRows(inputs), "table-1", "Table 1: models", modelRows(inputs))],
  }),
  "2": (inputs) => ({ tables: [ablations(inputs)] }),
  figure1,
  budget,
  segments,
};

function labelsOf({ log, rows }: TableInputs): Float32Array {
  return Float32Array.from(rows, (row) => log.label[row]!);
}

function usersOf({ log, rows, intervals }: TableInputs): Int32Array | undefined {
  return intervals === "users" ? Int32Array.from(rows, (row) => log.user[row]!) : undefined;
}

function overSeeds(
  inputs: TableInputs,
  name: string,
  title: string,
  models: readonly SeededPredictions[],
  baseline = models.find((model) => model.name === "crm")?.name,
): ResultTable {
  const options = { seed: inputs.seed, groups: usersOf(inputs), baseline };
  return seedsTable(name, title, evaluateSeeds(models, labelsOf(inputs), options), inputs.rowsNote);
}

/** Where the test part was sampled: what the CRM's AUC is on all of it. */
function withAllRows(inputs: TableInputs): TableInputs {
  const crm = inputs.runs.filter(({ config }) => config.recipe === "crm-only");
  const own = crm.filter(({ variant }) => variant.id === crm[0]!.variant.id);
  if (own.length === 0 || own[0]!.result.test.rows.length === inputs.rows.length) return inputs;
  const { mean } = spread(
    own.map(({ result: { test } }) => auc(saidOf(test, "crm", test.rows), test.labels)),
  );
  const rowsNote = `${inputs.rowsNote} On all rows ${own[0]!.config.crm.model} has an AUC of ${mean.toFixed(4)}.`;
  return { ...inputs, rowsNote };
}

/** Every recipe there is, after what each must beat: a constant, the mean of the item, and those of user and item. */
function modelRows(inputs: TableInputs): SeededPredictions[] {
  const { runs, log, train, rows } = inputs;
  const models: SeededPredictions[] = simpleModels(log, train, rows).map(
    ({ name, title, probabilities }) => ({
      name,
      title,
      seeds: [probabilities],
    }),
  );
  const crmIds = [...new Set(runs.map(({ variant }) => variant.id).filter((id) => id.startsWith("crm-")))];
  for (const [place, id] of crmIds.entries()) {
    const own = runsOf(runs, id);
    const title = own[0]!.config.crm.model;
    models.push(seeded(own, rows, { as: place === 0 ? "crm" : id, title }));
  }
  const llm = runsOf(runs, "llm");
  if (llm.length > 0) models.push(seeded(llm, rows, { as: "llm", title: "LLM alone" }));
  const both = runsOf(runs, "corella");
  const ofBoth = both[0]?.result.test.predictions ?? [];
  const isDistilled = ofBoth.some(({ name }) => name === "crm-stage-2");
  for (const { name, title } of ofBoth) {
    if (name === "crm" && isDistilled) models.push(seeded(both, rows, { as: "crm-distilled", title, name }));
    if (!oneModel.includes(name)) models.push(seeded(both, rows, { as: name, title, name }));
  }
  return models;
}

/** Predictions of a whole run that are those of one of its models; the others mix both. */
const oneModel: readonly string[] = ["crm-stage-1", "crm-stage-2", "crm", "llm"];

function ablations(inputs: TableInputs): ResultTable {
  const { runs, rows } = inputs;
  const whole = runsOf(runs, "corella");
  const models = [
    seeded(whole, rows, { as: "corella", title: "CoReLLa" }),
    ...[1, 2, 3].map((stage) => {
      const id = `corella-without-${stage}`;
      return seeded(runsOf(runs, id), rows, { as: id, title: `w/o stage ${stage}` });
    }),
    seeded(whole, rows, { as: "crm", title: "w/o mixing: the CRM", name: "crm" }),
    seeded(whole, rows, { as: "llm", title: "w/o mixing: the LLM", name: "llm" }),
  ];
  return overSeeds(inputs, "table-2", "Table 2: ablations", models, "corella");
}

function figure1(inputs: TableInputs): Built {
  const { runs, rows } = inputs;
  const ids = [...new Set(runs.map(({ variant }) => variant.id))].filter((id) => id.startsWith("llm-"));
  const config = runs.find(({ variant }) => variant.id.startsWith("crm-"))!.config;
  const crm = runsOf(runs, crmAlone(config).id);
  const labels = labelsOf(inputs);
  const seeds = crm.map((run, seed) => {
    const ofCrm = saidOf(run.result.test, "crm", rows);
    const models = [
      { name: "crm", title: run.config.crm.model, probabilities: ofCrm },
      ...ids.map((id) => {
        const { variant, result } = runsOf(runs, id)[seed]!;
        return { name: id, title: variant.title, probabilities: saidOf(result.test, "llm", rows) };
      }),
    ];
    const { entropy } = route(ofCrm, { kind: "none" });
    const options = { seed: inputs.seed, groups: usersOf(inputs) };
    return confidenceGroupAuc(models, entropy, labels, 3, options);
  });
  const note = `AUC in equal groups by the CRM's confidence, each seed's by its own CRM. ${inputs.rowsNote}`;
  const drawn = seeds.length === 1 ? "" : ` The picture is of seed ${crm[0]!.config.seed}.`;
  return {
    tables: [confidenceTable("figure-1", "Figure 1: by confidence", seeds, `${note}${drawn}`)],
    confidenceGroups: seeds[0]!,
  };
}

function budget(inputs: TableInputs): Built {
  const { runs, log, rows } = inputs;
  const seeds = runsOf(runs, "corella").map(({ result: { test, validation } }) => ({
    validation: {
      crm: saidOf(validation!, "crm", validation!.rows),
      llm: saidOf(validation!, "llm", validation!.rows),
      labels: validation!.labels,
      users: Int32Array.from(validation!.rows, (row) => log.user[row]!),
    },
    test: {
      crm: saidOf(test, "crm", rows),
      llm: saidOf(test, "llm", rows),
      labels: labelsOf(inputs),
    },
  }));
  const points = budgetCurve(seeds);
  const note = "Thresholds and weights are fitted on the validation part.";
  const series = (["replacing", "adding"] as const).map((kind) => ({
    name: kind,
    points: points.map((point): [number, number] => [100 * point.shareToLlm, point[kind].auc.mean]),
  }));
  return {
    tables: [
      budgetTable("budget", "Budget: quality by the share to the LLM", points, `${note} ${inputs.rowsNote}`),
      mixLimitsTable(
        "limits",
        "What mixing could reach",
        seeds.map(({ test }) => mixLimits(test)),
        `Fitted on the test rows themselves, so that no router does better. ${inputs.rowsNote}`,
      ),
    ],
    curves: [{ title: "AUC by the share to the LLM", xLabel: "to the LLM, %", yLabel: "AUC", series }],
  };
}

/** CRM, LLM and what CoReLLa serves, in each segment. */
function segments(inputs: TableInputs): Built {
  const { runs, log, train, rows } = inputs;
  const models = modelRows(inputs).filter(({ name }) => name === "crm" || name === "llm");
  const all = [...models, seeded(runsOf(runs, "corella"), rows, { as: "corella", title: "CoReLLa" })];
  const found = rowSegments(log, train, rows).map(({ name, rows: positions }) => {
    const select = (values: Float32Array): Float32Array =>
      Float32Array.from(positions, (position) => values[position]!);
    const within = all.map((model) => ({ ...model, seeds: model.seeds.map(select) }));
    const part = { ...inputs, rows: positions.map((position) => rows[position]!) };
    const options = { seed: inputs.seed, groups: usersOf(part), baseline: "crm" };
    return { title: name, evaluation: evaluateSeeds(within, labelsOf(part), options) };
  });
  return { tables: [segmentsTable("segments", "Segments", found, inputs.rowsNote)] };
}

/** What was tried on the validation part, the best first: the settings that the other tables have. */
export function gridTable(points: readonly GridPoint[]): ResultTable {
  const cells = points.map(({ run, validationLogLoss }) => ({
    settings: run.variant.title,
    validationLogLoss,
  }));
  return {
    name: "grid",
    title: "Settings by validation logloss",
    note: "One seed each; the other tables have the settings of the first row.",
    columns: ["settings", "logloss"],
    rows: cells.map(({ settings, validationLogLoss }) => [settings, validationLogLoss.toFixed(4)]),
    records: cells,
  };
}
