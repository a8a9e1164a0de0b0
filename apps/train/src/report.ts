import { probabilitiesOf, type RunConfig, type TrainingResult } from "@corella/alignment";
import {
  alignmentFigures,
  alignmentTable,
  aucCards,
  confidenceSections,
  evaluatePart,
  renderReport,
  type Evaluation,
  type PartFigures,
  type ReportDetail,
} from "@corella/evaluation";
import { rowSegments, summarise } from "@corella/modality";
import { costOf } from "./cost.ts";
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

/** Figures of everything that a run predicts of its test part, with costs, and within segments. */
export function evaluateTest(
  result: TrainingResult,
  { seed, intervals, machineHour }: TestOptions,
): PartFigures {
  const { test, data, baseline } = result;
  const { log, split } = data;
  const groups = intervals === "users" ? Int32Array.from(test.rows, (row) => log.user[row]!) : undefined;
  const models = test.predictions.map((model) => ({ ...model, cost: costOf(result, model, machineHour) }));
  const segments = rowSegments(log, split.train, test.rows);
  return evaluatePart(models, test.labels, segments, { seed, baseline, groups });
}

/** What the run learned about its bundle, in a sentence that does not flatter; empty where it compares nothing. */
export function verdict({ served, router }: TrainingResult, evaluation: Evaluation): string {
  const difference = evaluation.rows.find(({ name }) => name === served)!.versusBaseline?.aucDifference;
  if (difference === undefined) return "";
  const interval = `${signed(difference.estimate)} AUC, 95 % interval ${signed(difference.low)} to ${signed(difference.high)}`;
  if (router?.policy.kind === "none")
    return `The router sends nothing to the LLM: on the validation part its answers bring no more than chance does. The CRM that answers alone differs by ${interval}, from the one after stage 1.`;
  if (difference.low > 0) return `CoReLLa is better than the CRM alone (${interval}).`;
  if (difference.high < 0) return `CoReLLa is worse than the CRM alone (${interval}).`;
  return `The LLM makes no difference that this test part can tell from chance (${interval}).`;
}

function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(4)}`;
}

/** The self-contained report.html of a run. */
export function runReport(
  config: RunConfig,
  configText: string,
  result: TrainingResult,
  { evaluation, segments, groups }: PartFigures,
  timings: readonly (readonly [string, string])[],
): string {
  const { test, phases, data, router, baseline, served, facts, importance, shares } = result;
  const remark = verdict(result, evaluation);
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
    curves: [
      ...phases.map(({ title, losses }) => ({
        title: `Loss: ${title}`,
        xLabel: "step",
        yLabel: "training loss",
        series: [{ name: title, points: losses }],
      })),
      ...phases.flatMap(({ title, terms }) =>
        Object.entries(terms).map(([term, points]) => ({
          title: `${termTitles[term] ?? term}: ${title}`,
          xLabel: "step",
          yLabel: "before its weight",
          series: [{ name: term, points }],
        })),
      ),
      ...phases
        .filter(({ validations }) => validations.length > 0)
        .map(({ title, validations }) => ({
          title: `The CRM's validation AUC: ${title}`,
          xLabel: "step",
          yLabel: "AUC",
          series: [
            { name: title, points: validations.map(({ step, score }): [number, number] => [step, score]) },
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
      { heading: "Data", table: { columns: ["", ""], rows: flatten(summarise(data.log, data.split)) } },
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
  const [before, after, llm] = ["crm-stage-1", "crm", "llm"].map((name) => probabilitiesOf(test, name));
  if (before === undefined || after === undefined || llm === undefined) return [];
  const pairs = [
    { title: "CRM before stage 2, LLM", crm: before, llm },
    { title: "CRM after stage 2, LLM", crm: after, llm },
  ];
  const table = alignmentTable(alignmentFigures(pairs, test.labels));
  return [{ heading: "What alignment changed", table }];
}

/** Terms of eq. 4 by the names of the program's outputs. */
const termTitles: Readonly<Record<string, string>> = {
  llmLoss: "The LLM's loss",
  crmLoss: "The CRM's loss",
  calibration: "Distance of the two models (L_cal)",
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

/** Nested figures as rows of a table. */
function flatten(value: object, prefix = ""): string[][] {
  return Object.entries(value).flatMap(([key, inner]) => {
    const name = prefix === "" ? key : `${prefix}.${key}`;
    if (typeof inner === "object" && inner !== null && !Array.isArray(inner))
      return flatten(inner as object, name);
    return [[name, Array.isArray(inner) ? inner.join(", ") : String(inner)]];
  });
}
