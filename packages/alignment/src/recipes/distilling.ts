import type { TunedLlm } from "@corella/bundle";
import { binaryCrossEntropy, crmPhase, type CrmOutput } from "@corella/crm";
import {
  compose,
  tf,
  within,
  type Batch,
  type Part,
  type Program,
  type Tensor,
  type Values,
} from "@corella/engine";
import { createGenerator, permutation } from "@corella/random";
import { logit } from "@corella/routing";
import type { DistilConfig } from "../config/stages-config.ts";
import { labelledRows, namedCrm } from "../crm/crm-training.ts";
import { labelFeed } from "../data.ts";
import { llmLane } from "../llm/asking.ts";
import type { KnownCrm } from "../llm/llm-alone.ts";
import { scoreParts } from "../predictions.ts";
import type { Run } from "../run.ts";
import { askedRows, validationRows } from "../scored-rows.ts";
import { copied } from "../values.ts";

/**
 * The loss of a CRM that learns from labels and from an LLM: L_crm + weight T² CE(sigmoid(teacher / T), sigmoid(logit / T)), where
 * CE is the mean binary cross entropy. T² gives both terms gradients of one size, whatever T.
 * Source: Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015.
 * @param logit [batch] @param label [batch], 0 or 1 @param teacher [batch], a logit
 * @returns both terms, before `weight`
 */
export function distillationTerms(
  output: Tensor,
  label: Tensor,
  teacher: Tensor,
  { temperature }: Pick<DistilConfig, "temperature">,
): { readonly crmLoss: Tensor; readonly distillation: Tensor } {
  const soft = tf.sigmoid(tf.div(teacher, temperature));
  return {
    crmLoss: binaryCrossEntropy(output, label),
    distillation: tf.mul(binaryCrossEntropy(tf.div(output, temperature), soft), temperature ** 2),
  };
}

/** The distilling of a CRM as a program: its inputs, named `crm.`, `label` and `teacher`, both float32 ["batch"]. */
export function distillationProgram(crm: Part<CrmOutput>, settings: DistilConfig): Program {
  const specs = compose({ crm });
  const ofBatch = { shape: ["batch"], dtype: "float32" } as const;
  return {
    ...specs,
    inputs: { ...specs.inputs, label: ofBatch, teacher: ofBatch },
    forward(scope) {
      const output = crm.forward(within(scope, "crm")).logit;
      const terms = distillationTerms(output, scope.input("label"), scope.input("teacher"), settings);
      const loss = tf.add(terms.crmLoss, tf.mul(terms.distillation, settings.weight));
      return { loss, outputs: { ...terms } };
    },
  };
}

/** Whose answers a CRM learns from. */
export interface Teacher {
  readonly llm: TunedLlm;
  /** What the LLM is told of a CRM, or corrects, and on which rows; absent where it knows of none. */
  readonly crm: KnownCrm | undefined;
  /** Whether the LLM's logit is a correction of that CRM's: the teacher is their sum. */
  readonly corrects: boolean;
}

/**
 * The CRM goes on learning on random rows of the training part that the LLM answers: what it takes over costs nothing when it is
 * served. It is kept as of its best validation, that before the first step included. Settings: `stages.distil`.
 * @param values of the CRM, named `crm.`
 * @returns values named `crm.`
 */
export function distilled(
  run: Run,
  settings: DistilConfig,
  crm: Part<CrmOutput>,
  values: Values,
  teacher: Teacher,
): Promise<Values> {
  const { config, data, runtime } = run;
  const { epochs, batchSize, learningRate, validationsPerEpoch, patience } = settings;
  const { embeddingL2, networkL2, tables, clipNorm } = config.stages.warmUp;
  return run.phase("distil", "Distilling the LLM into the CRM", async () => {
    const from = teacher.crm?.rows ?? data.split.train;
    const rows = askedRows(config, data.log, from, settings.samples, "distil");
    const logits = await teacherLogits(run, rows, teacher);
    const perEpoch = Math.ceil(rows.length / batchSize);
    return crmPhase({
      crm: namedCrm(crm),
      program: distillationProgram(crm, settings),
      runtime,
      seed: config.seed,
      values: copied(values),
      learningRate,
      embeddingL2,
      networkL2,
      tables,
      clipNorm,
      steps: perEpoch * epochs,
      samplesPerStep: batchSize,
      validateEvery: Math.max(1, Math.floor(perEpoch / validationsPerEpoch)),
      patience,
      validation: labelledRows(data, validationRows(config, data).choosing),
      batch(step) {
        const random = createGenerator(config.seed, "batches/distil", Math.floor(step / perEpoch));
        const start = (step % perEpoch) * batchSize;
        const places = permutation(rows.length, random).subarray(start, start + batchSize);
        const chosen = places.map((place) => rows[place]!);
        return {
          ...data.crmBatch(chosen, "crm."),
          ...labelFeed(data.labels(chosen)),
          ...teacherFeed(logits, places),
        };
      },
    });
  });
}

/** The teacher's logits of rows, in their order. */
async function teacherLogits(
  run: Run,
  rows: Uint32Array,
  { llm, crm, corrects }: Teacher,
): Promise<Float32Array> {
  const known = await crm?.training(rows);
  const lanes = { llm: await llmLane(run, llm) };
  const [answers] = await scoreParts(run, "The LLM's answers, to be distilled", lanes, [rows], known);
  return Float32Array.from(rows, (row, i) => logit(answers!.llm[i]!) + (corrects ? known!.get(row)! : 0));
}

function teacherFeed(logits: Float32Array, places: Uint32Array): Batch {
  return { teacher: { shape: [places.length], data: Float32Array.from(places, (place) => logits[place]!) } };
}
