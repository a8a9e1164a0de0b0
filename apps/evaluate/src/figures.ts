import { join } from "node:path";
import { correctsCrm, type CorrectingStages, partWarnings } from "@corella/alignment";
import type { Bundle } from "@corella/bundle";
import { parseYaml } from "@corella/configuration";
import {
  aucCards,
  confidenceSections,
  evaluatePart,
  figureWarnings,
  formatShare,
  renderReport,
  simpleModels,
  verdict,
  type ModelPredictions,
  type PartFigures,
} from "@corella/evaluation";
import { rowSegments, type InteractionLog, type LogSplit } from "@corella/modality";
import { routeAndMix, type MixRule } from "@corella/routing";
import type { Predictions } from "./predict.ts";

/** The bundle's models, and both by the bundle's policy: replaced as in the paper, and mixed; the last is what the bundle serves. */
export function models(
  { crm, llm, signals }: Predictions,
  bundle: Pick<Bundle, "router" | "runConfig" | "folder">,
): ModelPredictions[] {
  const { router } = bundle;
  const corrects = router !== undefined && isCorrecting(bundle);
  const result: ModelPredictions[] = [];
  if (crm) result.push({ name: "crm", title: "CRM", probabilities: crm, shareToLlm: 0 });
  const titleOfLlm = corrects ? "the LLM's correction alone" : "LLM alone";
  if (llm) result.push({ name: "llm", title: titleOfLlm, probabilities: llm, shareToLlm: 1 });
  if (!crm || !llm || !router) return result;
  const { policy, mix } = router;
  const mixed = (rule: MixRule): Pick<ModelPredictions, "probabilities" | "shareToLlm"> => {
    const { toLlm, probabilities } = routeAndMix(crm, llm, policy, rule, signals);
    return { probabilities, shareToLlm: toLlm.length / crm.length };
  };
  // Where nothing goes to the LLM there is nothing to replace, and a correction replaces nothing; but what the bundle serves is there always.
  const isServed = mix.kind === "replace" && mix.calibration === undefined;
  if (isServed || (policy.kind !== "none" && !corrects))
    result.push({ name: "replace", title: "CoReLLa, replacing", ...mixed({ kind: "replace" }) });
  if (mix.kind === "addLogits")
    result.push({ name: "add-logits", title: "CoReLLa, adding logits", ...mixed(mix) });
  else if (mix.calibration !== undefined)
    result.push({ name: "replace-calibrated", title: "CoReLLa, replacing, calibrated", ...mixed(mix) });
  return result;
}

/** Whether the LLM of a bundle has learned what is to be added to its CRM, as its configuration says. */
function isCorrecting({ runConfig, folder }: Pick<Bundle, "runConfig" | "folder">): boolean {
  const content = runConfig === undefined ? undefined : parseYaml(runConfig, join(folder, "config.yaml"));
  const { stages } = (content ?? {}) as { stages?: CorrectingStages };
  return correctsCrm(stages ?? {});
}

/** What the figures are of, and how their intervals are made. */
export interface FigureOptions {
  readonly log: InteractionLog;
  readonly split: LogSplit;
  /** The part that was scored. */
  readonly part: keyof LogSplit;
  /** What the same models say of the validation part, where that is another. */
  readonly validation: Predictions | undefined;
  readonly seed: number;
  /** What the intervals draw: whole users, or row by row. */
  readonly intervals: "users" | "rows";
}

/**
 * Figures of everything that a bundle predicts, beside what needs no model, also within segments; against its CRM, where it has
 * both models.
 */
export function evaluatePredictions(
  predictions: Predictions,
  bundle: Pick<Bundle, "router" | "runConfig" | "folder">,
  { log, split, part, validation, seed, intervals }: FigureOptions,
): PartFigures {
  const { rows, labels } = predictions;
  const { train } = split;
  const all = split[part].length;
  const usersOf = (of: Uint32Array): Int32Array => Int32Array.from(of, (row) => log.user[row]!);
  const groupsOf = (of: Uint32Array): Int32Array | undefined =>
    intervals === "users" ? usersOf(of) : undefined;
  // Of the training part itself means would know the answers.
  const simple = (of: Uint32Array): ModelPredictions[] =>
    part === "train" ? [] : simpleModels(log, train, of);
  return evaluatePart(
    [...simple(rows), ...models(predictions, bundle)],
    labels,
    rowSegments(log, train, rows),
    {
      seed,
      baseline: bundle.router === undefined ? undefined : "crm",
      groups: groupsOf(rows),
      users: usersOf(rows),
      sampledFrom: rows.length === all ? undefined : { count: all, how: "drawn at random (--rows)" },
      validation: validation && {
        models: [...simple(validation.rows), ...models(validation, bundle)],
        labels: validation.labels,
        groups: groupsOf(validation.rows),
      },
    },
  );
}

/** What came of it: a sentence or two, and what is wrong with the figures and the data. */
export interface Conclusion {
  readonly verdict: string;
  readonly warnings: readonly string[];
}

/** What an evaluation ends with. */
export function concluded(
  predictions: Predictions,
  bundle: Pick<Bundle, "router" | "runConfig" | "folder" | "featureMap" | "prompt">,
  { evaluation }: PartFigures,
  { log, split, part }: Pick<FigureOptions, "log" | "split" | "part">,
): Conclusion {
  const { name: served } = models(predictions, bundle).at(-1)!;
  const name = part === "train" ? "training" : part;
  const parts = {
    ...(part === "train" ? {} : { training: split.train }),
    ...(part === "test" ? { validation: split.validation } : {}),
    [name]: predictions.rows,
  };
  const { featureMap, prompt } = bundle;
  const warnings = [
    ...partWarnings({ log, parts, told: name, featureMap, prompt }),
    ...figureWarnings(evaluation, `${name} part`, served),
  ];
  return {
    verdict: verdict(evaluation, served, bundle.router?.policy.kind === "none"),
    warnings: warnings.map(({ message, remedy }) => `${message} ${remedy}`),
  };
}

/** The self-contained report.html of an evaluation. */
export function report(
  title: string,
  predictions: Predictions,
  bundle: Bundle,
  { evaluation, segments, groups }: PartFigures,
  conclusion: Conclusion,
): string {
  const all = models(predictions, bundle);
  const served = all.at(-1)!;
  return renderReport({
    title,
    summary: [
      { label: "samples", value: predictions.rows.length.toLocaleString("en") },
      ...aucCards(evaluation, ["crm", served.name]),
      ...(bundle.router === undefined
        ? []
        : [{ label: "share to the LLM", value: formatShare(served.shareToLlm ?? 0) }]),
    ],
    evaluation,
    ...(conclusion.verdict === "" ? {} : { baselineNote: conclusion.verdict }),
    warnings: conclusion.warnings,
    curves: [],
    ...confidenceSections({
      crm: predictions.crm,
      llm: predictions.llm,
      policy: bundle.router?.policy,
      models: all,
      labels: predictions.labels,
      groups,
    }),
    segments,
    details: [{ heading: "Configuration of the run", text: bundle.runConfig ?? "" }],
  });
}
