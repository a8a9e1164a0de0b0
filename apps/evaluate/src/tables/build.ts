import {
  correctsCrm,
  crmAlone,
  type ExperimentName,
  type FinishedRun,
  type GridPoint,
} from "@corella/alignment";
import {
  ablationVerdict,
  budgetCurve,
  budgetTable,
  confidenceGroupAuc,
  confidenceTable,
  formatSpread,
  mixLimits,
  mixLimitsTable,
  seedsTable,
  segmentsTable,
  simpleModels,
  type ResultTable,
  type SeededPredictions,
} from "@corella/evaluation";
import { auc, spread } from "@corella/metrics";
import { rowSegments } from "@corella/modality";
import { route } from "@corella/routing";
import {
  evaluated,
  groupsOf,
  labelsOf,
  usersOf,
  type Built,
  type ComparedOn,
  type TableInputs,
} from "./inputs.ts";
import { parts } from "./parts.ts";
import { runsOf, saidOf, seeded } from "./predictions.ts";

/** Builds each table from the runs that it is made of. */
export const builders: Readonly<Record<ExperimentName, (inputs: TableInputs) => Built>> = {
  "1": (inputs) => ({
    tables: [seedsTable("table-1", "Table 1: models", inputs.evaluation, rowsNoteOfAll(inputs))],
  }),
  "2": ablations,
  figure1,
  budget,
  segments,
  parts,
};

/** Where the test part was sampled: what the CRM's AUC is on all of it. */
function rowsNoteOfAll(inputs: TableInputs): string {
  const crm = inputs.runs.filter(({ config }) => config.recipe === "crm-only");
  const own = crm.filter(({ variant }) => variant.id === crm[0]!.variant.id);
  if (own.length === 0 || own[0]!.result.test.rows.length === inputs.rows.length) return inputs.rowsNote;
  const onAll = spread(own.map(({ result: { test } }) => auc(saidOf(test, "crm", test.rows), test.labels)));
  return `${inputs.rowsNote} On all rows ${own[0]!.config.crm.model} has an AUC of ${formatSpread(onAll)}.`;
}

/** `models` of `TableInputs`. */
export function modelRows(inputs: ComparedOn): SeededPredictions[] {
  const { runs, log, train, validation, rows } = inputs;
  const groups = groupsOf(inputs);
  const onValidation = new Map(
    simpleModels(log, train, validation).map(({ name, probabilities }) => [name, probabilities]),
  );
  const models = simpleModels(log, train, rows).map(
    ({ name, title, probabilities, isSimple }): SeededPredictions => ({
      name,
      title,
      isSimple,
      seeds: [probabilities],
      ...(validation.length === 0
        ? {}
        : {
            validation: [
              {
                probabilities: onValidation.get(name)!,
                labels: labelsOf({ log, rows: validation }),
                groups: groups(validation),
              },
            ],
          }),
    }),
  );
  const row = (of: readonly FinishedRun[], names: Parameters<typeof seeded>[3]): void => {
    if (of.length > 0) models.push(seeded(of, rows, groups, names));
  };
  const crmIds = [...new Set(runs.map(({ variant }) => variant.id).filter((id) => id.startsWith("crm-")))];
  for (const [place, id] of crmIds.entries()) {
    const own = runsOf(runs, id);
    row(own, { as: place === 0 ? "crm" : id, title: own[0]!.config.crm.model });
  }
  const ctrl = runsOf(runs, "ctrl");
  row(ctrl, { as: "ctrl", title: `CTRL, ${ctrl[0]?.config.crm.model}`, name: "crm" });
  for (const id of tallrecIds(runs)) {
    const own = runsOf(runs, id);
    row(own, { as: id, title: own[0]!.result.test.predictions[0]!.title, name: "llm" });
  }
  row(runsOf(runs, "p5"), { as: "p5", title: "P5", name: "llm" });
  row(runsOf(runs, "llm"), { as: "llm", title: "LLM alone" });
  const both = runsOf(runs, "corella");
  const isOfAll = (name: string): boolean =>
    both.every(({ result }) => result.test.predictions.some((each) => each.name === name));
  const ofBoth = both[0]?.result.test.predictions ?? [];
  const isDistilled = ofBoth.some(({ name }) => name === "crm-stage-2");
  for (const { name, title } of ofBoth) {
    if (name === "crm" && isDistilled) row(both, { as: "crm-distilled", title, name });
    if (!oneModel.includes(name) && isOfAll(name)) row(both, { as: name, title, name });
  }
  // The kind of mix may be another for each seed.
  if (both.length > 0 && !models.some(({ name }) => name === servedOf(runs)))
    row(both, { as: servedOf(runs)!, title: "CoReLLa, as it is served" });
  return models;
}

/** TALLRec, once or by its number of training samples. */
function tallrecIds(runs: readonly FinishedRun[]): string[] {
  return [...new Set(runs.map(({ variant }) => variant.id).filter((id) => /^tallrec\b/.test(id)))];
}

/** Predictions of a whole run that are those of one of its models; the others mix both. */
const oneModel: readonly string[] = ["crm-stage-1", "crm-stage-2", "crm", "llm"];

/** Name of the row of `modelRows` that is what a bundle would give; undefined where no run makes one. */
export function servedOf(runs: readonly FinishedRun[]): string | undefined {
  const both = runsOf(runs, "corella");
  const [first] = both;
  if (first !== undefined)
    return both.every(({ result }) => result.served === first.result.served) ? first.result.served : "served";
  if (runs.some(({ variant }) => variant.id.startsWith("crm-"))) return "crm";
  return runsOf(runs, "llm").length > 0
    ? "llm"
    : (tallrecIds(runs).at(-1) ?? ["ctrl", "p5"].find((id) => runsOf(runs, id).length > 0));
}

function ablations(inputs: TableInputs): Built {
  const { runs, rows } = inputs;
  const groups = groupsOf(inputs);
  const of = (id: string, names: Parameters<typeof seeded>[3]): SeededPredictions =>
    seeded(runsOf(runs, id), rows, groups, names);
  const models = [
    of("corella", { as: "corella", title: "CoReLLa" }),
    ...[1, 2, 3].map((stage) => {
      const id = `corella-without-${stage}`;
      return of(id, { as: id, title: `w/o stage ${stage}` });
    }),
    of("corella", { as: "crm", title: "w/o mixing: the CRM", name: "crm" }),
    of("corella", { as: "llm", title: "w/o mixing: the LLM", name: "llm" }),
  ];
  const evaluation = evaluated(inputs, models, "corella");
  return {
    tables: [seedsTable("table-2", "Table 2: ablations", evaluation, inputs.rowsNote)],
    verdict: ablationVerdict(evaluation),
  };
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
    const options = { seed: inputs.seed, groups: groupsOf(inputs)(rows) };
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
  const { runs, rows, config } = inputs;
  const seeds = runsOf(runs, "corella").map(({ result: { test, validation } }) => ({
    validation: {
      crm: saidOf(validation!, "crm", validation!.rows),
      llm: saidOf(validation!, "llm", validation!.rows),
      labels: validation!.labels,
      users: usersOf(inputs, validation!.rows),
    },
    test: {
      crm: saidOf(test, "crm", rows),
      llm: saidOf(test, "llm", rows),
      labels: labelsOf(inputs),
    },
  }));
  const points = budgetCurve(seeds);
  const note = "Thresholds and weights are fitted on the validation part.";
  const models = { replacing: "replace", adding: "add-logits" } as const;
  // A correction of the CRM replaces nothing.
  const kinds = correctsCrm(config.stages) ? (["adding"] as const) : (["replacing", "adding"] as const);
  const series = kinds.map((kind) => ({
    name: kind,
    model: models[kind],
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
  const groups = groupsOf(inputs);
  const all = [
    ...inputs.models.filter(({ name }) => name === "crm" || name === "llm"),
    seeded(runsOf(runs, "corella"), rows, groups, { as: "corella", title: "CoReLLa" }),
  ].map((model) => ({ ...model, validation: undefined }));
  const found = rowSegments(log, train, rows).map(({ name, rows: positions }) => {
    const select = (values: Float32Array): Float32Array =>
      Float32Array.from(positions, (position) => values[position]!);
    const within = all.map((model) => ({ ...model, seeds: model.seeds.map(select) }));
    const part = { ...inputs, rows: positions.map((position) => rows[position]!) };
    return { title: name, evaluation: evaluated(part, within, "crm") };
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
