import { mixed, type RunConfig, type TrainingResult } from "@corella/alignment";
import {
  confidenceGroupAuc,
  entropyHistogram,
  evaluateModels,
  renderReport,
  type Evaluation,
  type ModelPredictions,
} from "@corella/evaluation";
import { summarise } from "@corella/modality";
import { boundaryShift, route } from "@corella/routing";

/** The run's models on the test part, under the names of the paper's ablation. */
export function testModels(result: TrainingResult): ModelPredictions[] {
  const { test, router, addLogits } = result;
  const share = (toLlm: Uint32Array): number => toLlm.length / test.rows.length;
  const replaced = mixed(test, router.policy, { kind: "replace" });
  const added = mixed(test, router.policy, addLogits);
  return [
    { name: "CRM after stage 1", probabilities: test.crmWarm, shareToLlm: 0 },
    { name: "CRM after stage 2", probabilities: test.crm, shareToLlm: 0 },
    { name: "LLM alone", probabilities: test.llm, shareToLlm: 1 },
    { name: "CoReLLa, replacing", probabilities: replaced.probabilities, shareToLlm: share(replaced.toLlm) },
    { name: "CoReLLa, adding logits", probabilities: added.probabilities, shareToLlm: share(added.toLlm) },
  ];
}

export const baselineName = "CRM after stage 1";

export function evaluateTest(result: TrainingResult, seed: number): Evaluation {
  return evaluateModels(testModels(result), result.test.labels, { seed, baseline: baselineName });
}

/** What the run learned about its own routing, in a sentence that does not flatter. */
export function verdict(evaluation: Evaluation): string {
  const added = evaluation.rows.find((row) => row.name === "CoReLLa, adding logits");
  const difference = added?.versusBaseline?.aucDifference;
  if (difference === undefined) return "";
  const interval = `${signed(difference.estimate)} AUC, 95 % interval ${signed(difference.low)} to ${signed(difference.high)}`;
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
  evaluation: Evaluation,
  timings: readonly (readonly [string, string])[],
): string {
  const { test, phases, router, addLogits, data } = result;
  const { entropy } = route(test.crm, { kind: "none" });
  const threshold = router.policy.kind === "threshold" ? router.policy.entropy : undefined;
  const models = testModels(result);
  const summary = summarise(data.log, data.split);
  const weight = addLogits.kind === "addLogits" ? addLogits.weight : 0;
  return renderReport({
    title: `corella run: ${config.name}`,
    subtitle: `${config.crm.model} and a ${config.llm.base.kind === "scratch" ? "small Llama, pre-trained in the run" : "pre-trained decoder"}, seed ${config.seed}`,
    summary: [
      { label: "test samples", value: test.rows.length.toLocaleString("en") },
      { label: "AUC of the CRM", value: evaluation.rows[1]!.auc.estimate.toFixed(4) },
      { label: "AUC of CoReLLa", value: evaluation.rows.at(-1)!.auc.estimate.toFixed(4) },
      { label: "share to the LLM", value: `${(100 * (models.at(-1)!.shareToLlm ?? 0)).toFixed(1)} %` },
      { label: "weight of the LLM's logit", value: weight.toFixed(3) },
    ],
    evaluation,
    baselineNote: verdict(evaluation),
    curves: [
      ...phases.map((phase) => ({
        title: `Loss: ${phaseTitle(phase.name)}`,
        xLabel: "step",
        yLabel: "training loss",
        series: [
          { name: phaseTitle(phase.name), points: phase.losses.map(([x, y]): [number, number] => [x, y]) },
        ],
      })),
      ...phases
        .filter((phase) => phase.validations.length > 0)
        .map((phase) => ({
          title: `The CRM's validation AUC: ${phaseTitle(phase.name)}`,
          xLabel: "step",
          yLabel: "AUC",
          series: [
            {
              name: phaseTitle(phase.name),
              points: phase.validations.map(({ step, score }): [number, number] => [step, score]),
            },
          ],
        })),
    ],
    confidenceGroups: confidenceGroupAuc(
      models.filter((model) => model.name !== baselineName),
      entropy,
      test.labels,
    ),
    entropyHistogram: entropyHistogram(entropy, threshold),
    boundary: boundaryShift(test.crm, test.llm, test.labels),
    details: [
      { heading: "Data", table: { columns: ["", ""], rows: flatten(summary) } },
      {
        heading: "Time",
        table: { columns: ["phase", "minutes:seconds"], rows: timings.map(([phase, time]) => [phase, time]) },
      },
      { heading: "Configuration", text: configText },
    ],
  });
}

function phaseTitle(name: string): string {
  return (
    {
      "stage-0": "pre-training",
      "stage-1": "stage 1, CRM",
      "stage-2": "stage 2, joint",
      "stage-3": "stage 3, LLM",
    }[name] ?? name
  );
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
