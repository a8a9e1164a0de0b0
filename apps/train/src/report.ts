import {
  partWarnings,
  probabilitiesOf,
  recipeNeeds,
  type RunConfig,
  type TrainingResult,
} from "@corella/alignment";
import {
  alignmentFigures,
  alignmentTable,
  aucCards,
  confidenceSections,
  evaluatePart,
  figureWarnings,
  renderReport,
  simpleModels,
  verdict,
  type Evaluation,
  type PartFigures,
  type ReportDetail,
} from "@corella/evaluation";
import { rowSegments, summarise, withPromptDefaults } from "@corella/modality";
import { costOf } from "./cost.ts";
import { dataTables } from "./data-tables.ts";
import { importanceSection } from "./importance-section.ts";

/** How `evaluateTest` makes its figures. */
export interface TestOptions {
  /** Of the intervals. */
  readonly seed: number;
  /** What the intervals draw: whole users, or row by row. */
  readonly intervals: "users" | "rows";
  /** What an hour of the machine costs, where money is asked for. */
  readonly machineHour?: number | undefined;
}

/** Figures of everything that a run predicts of its test part, beside what needs no model, with costs, and within segments. */
export function evaluateTest(
  result: TrainingResult,
  { seed, intervals, machineHour }: TestOptions,
): PartFigures {
  const { test, validation, data, baseline } = result;
  const { log, split } = data;
  const usersOf = (rows: Uint32Array): Int32Array => Int32Array.from(rows, (row) => log.user[row]!);
  const groupsOf = (rows: Uint32Array): Int32Array | undefined =>
    intervals === "users" ? usersOf(rows) : undefined;
  const models = test.predictions.map((model) => ({ ...model, cost: costOf(result, model, machineHour) }));
  const segments = rowSegments(log, split.train, test.rows);
  const users = usersOf(test.rows);
  return evaluatePart([...simpleModels(log, split.train, test.rows), ...models], test.labels, segments, {
    seed,
    baseline,
    groups: groupsOf(test.rows),
    users,
    sampledFrom:
      test.rows.length === split.test.length
        ? undefined
        : {
            count: split.test.length,
            how: `all those of ${new Set(users).size.toLocaleString("en")} random users (testSamples)`,
          },
    validation: validation && {
      models: [...simpleModels(log, split.train, validation.rows), ...validation.predictions],
      labels: validation.labels,
      groups: groupsOf(validation.rows),
    },
  });
}

/** What the run learned about its bundle, in a sentence that does not flatter; empty where it compares nothing. */
export function verdictOf({ served, router }: TrainingResult, evaluation: Evaluation): string {
  return verdict(evaluation, served, router?.policy.kind === "none");
}

/** What is wrong with the figures of a run, its data and its training: a sentence or two each, with what to do. */
export function warningsOf(
  { served, data, phases }: TrainingResult,
  evaluation: Evaluation,
  config: RunConfig,
): string[] {
  const { log, split } = data;
  const untrained = phases
    .filter(({ name }) => ["stage-1", "crm", "crm-aligned"].includes(name))
    .filter(({ best, validations: [first] }) => first?.step === 0 && best!.score <= first.score)
    .map(({ title }) => ({
      message: `${title}: no validation was better than the one before the first step, by values that are drawn.`,
      remedy: "Look at the labels of the training part, the learning rate and the number of epochs.",
    }));
  return [
    ...partWarnings({
      log,
      parts: { training: split.train, validation: split.validation, test: split.test },
      told: "test",
      featureMap: recipeNeeds[config.recipe].crm ? data.featureMap : undefined,
      prompt: recipeNeeds[config.recipe].prompt ? withPromptDefaults(config.prompt, log) : undefined,
    }),
    ...untrained,
    ...figureWarnings(evaluation, "test part", served),
  ].map(({ message, remedy }) => `${message} ${remedy}`);
}

/** The self-contained report.html of a run. */
export function runReport(
  config: RunConfig,
  configText: string,
  result: TrainingResult,
  { evaluation, segments, groups }: PartFigures,
  warnings: readonly string[],
  timings: readonly (readonly [string, string])[],
): string {
  const { test, phases, data, router, baseline, served, facts, importance, shares } = result;
  const remark = verdictOf(result, evaluation);
  return renderReport({
    title: `corella run: ${config.name}`,
    subtitle: `${modelNames(config, result)}, seed ${config.seed}`,
    summary: [
      {
        label: test.rows.length < data.split.test.length ? "test samples, of whole users" : "test samples",
        value: test.rows.length.toLocaleString("en"),
      },
      ...aucCards(evaluation, ["crm", served]),
      ...facts,
    ],
    evaluation,
    ...(remark === "" ? {} : { baselineNote: remark }),
    warnings,
    curves: [
      ...phases.map(({ name, title, losses }) => ({
        title: `Loss: ${title}`,
        xLabel: "step",
        yLabel: "training loss",
        series: [{ name: title, model: modelOfPhase[name], points: losses }],
      })),
      ...phases.flatMap(({ title, terms }) =>
        Object.entries(terms).map(([term, points]) => ({
          title: `${termTitles[term] ?? term}: ${title}`,
          xLabel: "step",
          yLabel: "before its weight",
          series: [{ name: term, model: modelOfTerm[term], points }],
        })),
      ),
      ...phases
        .filter(({ validations }) => validations.length > 0)
        .map(({ name, title, validations }) => ({
          title: `The ${modelOfPhase[name] === "llm" ? "LLM" : "CRM"}'s validation AUC: ${title}`,
          xLabel: "step",
          yLabel: "AUC",
          series: [
            {
              name: title,
              model: modelOfPhase[name] ?? "crm",
              points: validations.map(({ step, score }): [number, number] => [step, score]),
            },
          ],
        })),
    ],
    ...confidenceSections({
      crm: probabilitiesOf(test, "crm"),
      llm: probabilitiesOf(test, "llm"),
      policy: router?.policy,
      models: test.predictions.filter(({ name }) => name !== baseline),
      labels: test.labels,
      groups,
    }),
    shares,
    segments,
    ...(importance === undefined ? {} : { ranked: importanceSection(importance) }),
    details: [
      ...alignmentDetails(result),
      { heading: "Data", tables: dataTables(summarise(data.log, data.split)) },
      {
        heading: "Time",
        table: { columns: ["phase", "minutes:seconds"], rows: timings.map(([phase, time]) => [phase, time]) },
      },
      { heading: "Configuration", text: configText },
    ],
  });
}

/** The two models before and after they were aligned, where they were. */
function alignmentDetails({ test }: TrainingResult): ReportDetail[] {
  const [before, stage2, last, llm] = ["crm-stage-1", "crm-stage-2", "crm", "llm"].map((name) =>
    probabilitiesOf(test, name),
  );
  const after = stage2 ?? last;
  if (before === undefined || after === undefined || llm === undefined) return [];
  const pairs = [
    { title: "CRM before stage 2, LLM", crm: before, llm },
    { title: "CRM after stage 2, LLM", crm: after, llm },
  ];
  const table = alignmentTable(alignmentFigures(pairs, test.labels));
  return [{ heading: "What alignment changed", table }];
}

/** The models whose training phases are; none of a phase of both. */
const modelOfPhase: Readonly<Record<string, string>> = {
  "stage-0": "llm",
  "stage-1": "crm-stage-1",
  "stage-3": "llm",
  crm: "crm",
  llm: "llm",
};
const modelOfTerm: Readonly<Record<string, string>> = { llmLoss: "llm", crmLoss: "crm" };

/** Terms of eq. 4 by the names of the program's outputs. */
const termTitles: Readonly<Record<string, string>> = {
  llmLoss: "The LLM's loss",
  crmLoss: "The CRM's loss",
  calibration: "Distance of the two models (L_cal)",
  distillation: "Cross entropy with the LLM's answers",
};

function modelNames(config: RunConfig, { test }: TrainingResult): string {
  const llm =
    config.llm.base.kind === "scratch" ? "a small Llama, pre-trained in the run" : "a pre-trained decoder";
  const names = { crm: config.crm.model, llm };
  return Object.entries(names)
    .filter(([name]) => probabilitiesOf(test, name) !== undefined)
    .map(([, title]) => title)
    .join(" and ");
}
