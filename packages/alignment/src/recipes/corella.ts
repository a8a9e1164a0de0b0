/**
 * CoReLLa: a conventional recommendation model (CRM) and an LLM that answer together, trained so that their decision
 * boundaries agree. This file reads in the paper's order: the objective (eq. 4) with the calibration loss (eq. 3, in
 * `calibration-loss.ts`), stages 0 to 3, the router (eq. 1, eq. 2) and the bundle.
 */
import { createCrmLane, crmOf, type TunedLlm } from "@corella/bundle";
import { binaryCrossEntropy, createValidator, regularized, type CrmOutput } from "@corella/crm";
import {
  compose,
  tf,
  within,
  type Part,
  type PhaseSpec,
  type Program,
  type Specs,
  type Tensor,
  type Values,
} from "@corella/engine";
import { isLoraParam } from "@corella/llm";
import { auc, logLoss } from "@corella/metrics";
import { fitRouter, sigmoid, type RoutingSignals } from "@corella/routing";
import type { RunConfig } from "../config/config.ts";
import type { StageName } from "../config/stages-config.ts";
import { crmLogits } from "../crm/crm-logits.ts";
import { crmOfUnseen } from "../crm/crm-of-unseen.ts";
import { crmTraining, labelledRows, namedCrm } from "../crm/crm-training.ts";
import { scoredRows, validationRows } from "../scored-rows.ts";
import { askingOf, llmLane, type Asking } from "../llm/asking.ts";
import { designLlm, type BaseLlm } from "../llm/base-llm.ts";
import { correctsCrm } from "../llm/corrects-crm.ts";
import { itemVectorsFor } from "../llm/item-vectors.ts";
import { notePromptCuts } from "../llm/prompt-limit.ts";
import { llmAlone, requireLlmValidation } from "../llm/llm-alone.ts";
import { llmOptimizer, llmTuning, tunedDecoder, tunedLlm, type TunedDecoder } from "../llm/llm-tuning.ts";
import { poolingOf } from "../llm/own-tokens.ts";
import { textSamples, type SamplesOptions } from "../llm/text-samples.ts";
import { requireTestPart, requireTunableLlm, requireValidation } from "../preflight.ts";
import { scoreParts, type Answers, type NamedPredictions, type PartPredictions } from "../predictions.ts";
import type { Run } from "../run.ts";
import { copied, prefixed, unprefixed } from "../values.ts";
import { alignedLayers, type AlignedLayers } from "./aligned-layers.ts";
import { calibrationLoss, pooledStates, poolingInput, projectionParams } from "./calibration-loss.ts";
import { distilled, type Teacher } from "./distilling.ts";
import { mixed, routerFacts, routerSettings, routingCurveOf, ruleNames, signalsAt } from "./mixed.ts";
import type { RecipeResult } from "./recipe.ts";

// ── The objective, eq. 4 ─────────────────────────────────────────────────────────────────────────────────────────

/** Weights of eq. 4: L = alpha L_llm + beta L_crm + gamma L_cal. */
export interface LossWeights {
  /** alpha */
  readonly llm: number;
  /** beta */
  readonly crm: number;
  /** gamma */
  readonly calibration: number;
}

/** Stage 1, CRM warm-up: alpha = gamma = 0. */
const warmUpWeights: LossWeights = { llm: 0, crm: 1, calibration: 0 };
/** Stage 2, joint training: in the paper alpha = beta = 1, gamma = 0.1. */
const jointWeights = ({ stages }: RunConfig): LossWeights => stages.joint.weights;
/** Stage 3, LLM alone: beta = gamma = 0. */
const llmAloneWeights: LossWeights = { llm: 1, crm: 0, calibration: 0 };

/** What the objective is over. A model of which no weighted term reads anything may be absent. */
export interface ObjectiveModels {
  readonly crm?: Part<CrmOutput>;
  readonly llm?: TunedDecoder;
  readonly aligned?: AlignedLayers;
  /** Whether the input `offset`, float32 ["batch"], is added to the LLM's logit before its loss. */
  readonly offset?: boolean;
}

/**
 * Eq. 4 as a program. Parameters, tables and inputs are prefixed `crm.`, `llm.` and `projection.`; the input `label` is
 * float32 ["batch"], and `pooling`, where L_cal takes means of hidden states, what `poolingFeed` makes. Outputs are the terms before their weights.
 * @param models both models get the same samples; those that are absent have weight 0
 */
export function objective({ crm, llm, aligned, offset }: ObjectiveModels, weights: LossWeights): Program {
  const parts: Record<string, Specs> = { ...(crm && { crm }), ...(llm && { llm: llm.part }) };
  if (aligned) parts["projection"] = { params: projectionParams(aligned), tables: {}, inputs: {} };
  const specs = compose(parts);
  const ofBatch = { shape: ["batch"], dtype: "float32" } as const;
  return {
    ...specs,
    inputs: {
      ...specs.inputs,
      label: ofBatch,
      ...(offset && { offset: ofBatch }),
      ...poolingInput(aligned, llm),
    },
    forward(scope) {
      const label = scope.input("label");
      const known = offset ? scope.input("offset") : undefined;
      const ofCrm = crm?.forward(within(scope, "crm"));
      const ofLlm = llm?.part.forward(within(scope, "llm"));
      const terms: [name: string, weight: number, term: Tensor][] = [];
      if (ofLlm) terms.push(["llmLoss", weights.llm, llm!.loss(ofLlm, label, known)]);
      if (ofCrm) terms.push(["crmLoss", weights.crm, binaryCrossEntropy(ofCrm.logit, label)]);
      if (aligned && ofLlm && ofCrm) {
        const { param } = within(scope, "projection");
        const states = pooledStates(aligned, ofLlm, scope);
        const distance = calibrationLoss(aligned, param, states, ofCrm.hiddenStates);
        terms.push(["calibration", weights.calibration, distance]);
      }
      return {
        loss: terms.map(([, weight, term]) => tf.mul(term, weight)).reduce((sum, term) => tf.add(sum, term)),
        outputs: Object.fromEntries(terms.map(([name, , term]) => [name, term])),
      };
    },
  };
}

// ── The stages ───────────────────────────────────────────────────────────────────────────────────────────────────

/** CRM and LLM in three stages, then the router: the method of the paper, with a bundle of both models. */
export async function corella(run: Run): Promise<RecipeResult> {
  const { config, data } = run;
  const { stages } = config;
  const skips = (stage: StageName): boolean => stages.skip?.includes(stage) ?? false;
  const crm = crmOf(config.crm, data.featureMap);
  const design = await designLlm(run);
  const aligned = alignedLayers(stages.joint.projection, crm.hiddenWidths, design.config);
  requireTestPart(data);
  requireValidation(config, data);
  if (!skips("llmAlone")) requireLlmValidation(run);
  requireTunableLlm(
    config,
    data,
    design,
    (["joint", "llmAlone"] as const).filter((stage) => !skips(stage)),
  );
  notePromptCuts(run, design);

  // Stage 1, CRM warm-up: the CRM alone, on all training data.
  const warmUp = objective({ crm }, warmUpWeights);
  const warm = await run.phase("stage-1", "Stage 1: CRM warm-up", async () => {
    const phase = await crmTraining(run, crm, { program: warmUp });
    return skips("warmUp") ? { ...phase, steps: 0 } : phase;
  });
  const crmWarm = await scoredByCrm(run, unprefixed(warm, "crm."));

  // Stage 0, where the LLM is not a pre-trained one: after the CRM, whose figures are wanted first.
  const base: BaseLlm = { ...design, values: await design.values() };

  const itemVectors = await itemVectorsFor(run, unprefixed(warm, "crm."), base);
  const asking = await askingOf(run, base.tokenizer, itemVectors);
  const llm = tunedDecoder(config.llm, base, asking);
  const aligning = tunedDecoder(config.llm, base, asking, { allPositions: aligned.pooling === "mean" });

  // What the prompt says of the CRM, or what the LLM's logit is added to, comes of a CRM that did not learn from the row.
  const corrects = correctsCrm(stages);
  const told = asking.prompt.saysCrm ? await crmOfUnseen(run, crm, warmUp) : undefined;

  // Stage 2, joint training with alignment: both models on a small random subset.
  const both = { ...copied(warm), ...prefixed(base.values, "llm.") };
  const joint = skips("joint")
    ? both
    : await run.phase("stage-2", "Stage 2: joint training with alignment", () =>
        jointTraining(run, { crm, llm: aligning, aligned }, both, asking, {
          from: told?.rows,
          crm: told?.by(warm).training,
        }),
      );

  // Stage 3, the LLM alone on another random subset.
  const unseen = corrects ? (told ?? (await crmOfUnseen(run, crm, warmUp))) : told;
  const tuned = skips("llmAlone")
    ? joint
    : await run.phase("stage-3", "Stage 3: LLM alone", () =>
        llmAlone(run, {
          llm,
          program: objective({ llm, offset: corrects }, llmAloneWeights),
          values: prefixed(unprefixed(joint, "llm."), "llm."),
          asking,
          crm: unseen?.by(joint),
          adds: corrects,
        }),
      );

  const tunedModel = tunedLlm(config, base, asking, unprefixed(tuned, "llm."));
  const ofCrm = prefixed(unprefixed(joint, "crm."), "crm.");

  // Beyond the paper: the CRM learns what the LLM says, and is served so.
  const teacher: Teacher = { llm: tunedModel, crm: unseen?.by(joint), corrects };
  const served = stages.distil ? await distilled(run, stages.distil, crm, ofCrm, teacher) : ofCrm;

  const { test } = scoredRows(config, data);
  const jointly = stages.distil && (await crmLogits(run, crm, ofCrm, test));
  const probabilities = jointly && Float32Array.from(test, (row) => sigmoid(jointly.get(row)!));
  return routed(run, {
    earlier: [
      byCrm("crm-stage-1", "CRM after stage 1", crmWarm),
      ...(probabilities ? [byCrm("crm-stage-2", "CRM after stage 2", probabilities)] : []),
    ],
    crm: unprefixed(served, "crm."),
    llm: tunedModel,
    corrects,
  });
}

/**
 * Both models on the same samples under eq. 4. They see-saw: when the CRM's validation result no longer improves the stage
 * ends, and the CRM is set back to its best.
 */
async function jointTraining(
  run: Run,
  models: Required<Omit<ObjectiveModels, "offset">>,
  values: Values,
  asking: Asking,
  options: SamplesOptions,
): Promise<PhaseSpec> {
  const { config, data, runtime } = run;
  const settings = config.stages.joint;
  const samples = await textSamples(run, asking, settings.samples, "joint", options);
  const pooling = await poolingOf(models.aligned, samples, asking);
  const { embeddingL2, networkL2 } = config.stages.warmUp;
  const crm = namedCrm(models.crm);
  const ofCrm = regularized({ kind: "adam", learningRate: settings.crmLearningRate }, crm, {
    embedding: embeddingL2,
    net: networkL2,
  });
  const ofLlm = llmOptimizer(settings);
  const phase = await llmTuning(run, {
    program: objective(models, jointWeights(config)),
    values,
    samples,
    settings,
    purpose: "joint",
    optimizer(name) {
      if (name.startsWith("crm.")) return ofCrm(name);
      return name.startsWith("projection.") || isLoraParam(name) ? ofLlm : null;
    },
    feeds: (rows, positions) => ({ ...data.crmBatch(rows, "crm."), ...pooling(positions) }),
  });
  const validation = labelledRows(data, validationRows(config, data).choosing);
  const validator = await createValidator(runtime, crm, phase.trainer.values, validation);
  const perEpoch = phase.steps / settings.epochs;
  return {
    ...phase,
    validation: {
      every: Math.max(1, Math.floor(perEpoch / settings.validationsPerEpoch)),
      patience: settings.patience,
      keeps: (name) => name.startsWith("crm."),
      evaluate: () => validator.evaluate(),
    },
    dispose: () => validator.dispose(),
  };
}

/** What the CRM says of the test part, told at once: all that follows is measured by it. */
async function scoredByCrm(run: Run, values: Values): Promise<Float32Array> {
  const { config, data, runtime, listener } = run;
  const { featureMap, catalogue } = data;
  const { test } = scoredRows(config, data);
  const lanes = {
    crm: await createCrmLane({ config: config.crm, values, featureMap }, catalogue, runtime),
  };
  const [answers] = await scoreParts(run, "Scoring with the CRM", lanes, [test]);
  const labels = data.labels(test);
  const figures = `AUC ${auc(answers!.crm, labels).toFixed(4)}, logloss ${logLoss(answers!.crm, labels).toFixed(4)}`;
  listener.note?.(`CRM after stage 1, on ${test.length} samples of the test part: ${figures}`);
  return answers!.crm;
}

// ── The router, eq. 1 and 2, and the bundle ──────────────────────────────────────────────────────────────────────

interface Trained {
  /** What the CRM said of the test part after each stage but its last. */
  readonly earlier: readonly NamedPredictions[];
  /** The CRM after stage 2, or after distilling. */
  readonly crm: Values;
  readonly llm: TunedLlm;
  /** Whether the LLM says what is to be added to the CRM's logit, which is no answer of its own. */
  readonly corrects: boolean;
}

function byCrm(name: string, title: string, probabilities: Float32Array): NamedPredictions {
  return { name, title, probabilities, shareToLlm: 0 };
}

/** Fits the router on the validation part, and tells what every model and both together say of the test part. */
async function routed(run: Run, { earlier, crm, llm, corrects }: Trained): Promise<RecipeResult> {
  const { config, data, runtime } = run;
  const { routing } = config;
  const { featureMap, catalogue } = data;
  const { validation, test } = scoredRows(config, data);
  const lanes = {
    crm: await createCrmLane({ config: config.crm, values: crm, featureMap }, catalogue, runtime),
    // P(Yes) among the two answers, eq. 2.
    llm: await llmLane(run, llm),
  };
  const [onValidation, onTest] = await scoreParts(run, "Scoring with both models", lanes, [validation, test]);
  const [signalsOnValidation, signalsOnTest] = [signalsAt(data, validation), signalsAt(data, test)];
  // Eq. 1: the entropy above which a sample is hard; and what becomes of the LLM's answer to it.
  const answers = {
    pCrm: onValidation!.crm,
    pLlm: onValidation!.llm,
    labels: data.labels(validation),
    users: Int32Array.from(validation, (row) => data.log.user[row]!),
    signals: signalsOnValidation,
  };
  const settings = routerSettings(run);
  const fitted = fitRouter(answers, settings);
  const adding = routing.mix === "addLogits" ? fitted : fitRouter(answers, { ...settings, mix: "addLogits" });

  const servedName = ruleNames(fitted.rule).name;
  const ofPart = (
    rows: Uint32Array,
    said: Answers<keyof typeof lanes>,
    signals: RoutingSignals,
    before: readonly NamedPredictions[] = [],
  ): PartPredictions => {
    const replaced = mixed(said, fitted.hard, { kind: "replace" }, signals);
    const added = mixed(said, adding.policy, adding.rule, signals);
    const served = { ...ruleNames(fitted.rule), ...mixed(said, fitted.policy, fitted.rule, signals) };
    const predictions = [
      ...before,
      byCrm("crm", `CRM after ${earlier.length > 1 ? "distilling" : "stage 2"}`, said.crm),
      {
        name: "llm",
        title: corrects ? "the LLM's correction alone" : "LLM alone",
        probabilities: said.llm,
        shareToLlm: 1,
      },
      ...(corrects ? [] : [{ ...ruleNames({ kind: "replace" }), ...replaced }]),
      { ...ruleNames(adding.rule), ...added },
    ];
    const isThere = predictions.some(({ name }) => name === servedName);
    return { rows, labels: data.labels(rows), predictions: isThere ? predictions : [...predictions, served] };
  };
  const onTestPart = ofPart(test, onTest!, signalsOnTest, earlier);
  return {
    models: {
      crm: { config: config.crm, values: crm, featureMap },
      llm,
      router: { policy: fitted.policy, mix: fitted.rule },
      routingCurve: routingCurveOf(fitted, answers.pCrm),
    },
    test: onTestPart,
    validation: ofPart(validation, onValidation!, signalsOnValidation),
    baseline: "crm-stage-1",
    served: servedName,
    shares: fitted.curve,
    facts: routerFacts(fitted, onTestPart.predictions.find(({ name }) => name === servedName)!.shareToLlm),
  };
}
