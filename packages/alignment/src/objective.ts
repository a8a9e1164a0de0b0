import { binaryCrossEntropy, type CrmOutput } from "@corella/crm";
import {
  compose,
  tf,
  within,
  type ParamSpec,
  type Part,
  type Program,
  type Scope,
  type Tensor,
} from "@corella/engine";
import { labelledProgram, twoWayLoss, type DecoderOutput } from "@corella/llm";

/** Weights of eq. 4: L = alpha L_llm + beta L_crm + gamma L_cal. */
export interface LossWeights {
  readonly llm: number;
  readonly crm: number;
  readonly calibration: number;
}

/** L_llm from the decoder's output and the labels, float32 [batch], 1 for yes. */
export type LlmLoss = (output: DecoderOutput, labels: Tensor) => Tensor;

/** Of the probability by which samples are scored (eq. 2). */
export const twoWay: LlmLoss = ({ yesNoLogits }, labels) => twoWayLoss(yesNoLogits, labels);

export interface ProjectionConfig {
  /** LLM blocks S_j, counted from 1 (the block's output). */
  readonly llmLayers: readonly number[];
  /** CRM interaction layers T_j, counted from 1; as many as blocks. */
  readonly crmLayers: readonly number[];
  /** Common width of the projections g. */
  readonly width: number;
  /** The norm's power in eq. 3. */
  readonly power: number;
}

export interface HiddenWidths {
  readonly llm: number;
  readonly crm: number;
}

/** One fully connected layer g for each side of each aligned pair. */
export function projectionParams(config: ProjectionConfig, widths: HiddenWidths): Record<string, ParamSpec> {
  const params: Record<string, ParamSpec> = {};
  config.llmLayers.forEach((_, j) => {
    for (const side of ["llm", "crm"] as const) {
      params[`${side}.${j}.weight`] = { shape: [config.width, widths[side]], init: { kind: "xavierNormal" } };
      params[`${side}.${j}.bias`] = { shape: [config.width], init: { kind: "zeros" } };
    }
  });
  return params;
}

/**
 * L_cal, eq. 3: the distance of projected hidden states, summed over the aligned pairs, mean over the batch.
 * @param llm hidden states [batch, widths.llm] of the blocks, `llm[l]` after block l (0: the embedding)
 * @param crm hidden states [batch, widths.crm] of the interaction layers, `crm[0]` after the first
 */
export function calibrationLoss(
  config: ProjectionConfig,
  param: (name: string) => Tensor,
  llm: readonly Tensor[],
  crm: readonly Tensor[],
): Tensor {
  const terms = config.llmLayers.map((block, j) => {
    const project = (side: string, hidden: Tensor): Tensor =>
      tf.add(
        tf.matMul(hidden as never, param(`${side}.${j}.weight`) as never, false, true),
        param(`${side}.${j}.bias`),
      );
    const a = project("llm", llm[block]!);
    const b = project("crm", crm[config.crmLayers[j]! - 1]!);
    return tf.mean(powerOfNorm(tf.sum(tf.square(tf.sub(a, b)), -1), config.power));
  });
  return terms.reduce((sum, term) => tf.add(sum, term));
}

/** ||d||_2^power from the squared norm. The floor keeps the derivative of the root finite where the states agree. */
function powerOfNorm(squaredNorm: Tensor, power: number): Tensor {
  if (power === 2) return squaredNorm;
  const safe = tf.add(squaredNorm, 1e-12);
  return power === 1 ? tf.sqrt(safe) : tf.exp(tf.mul(tf.log(safe), power / 2));
}

/**
 * Stage 2 in one graph: both models on the same samples, eq. 4.
 * Parameters, tables and inputs are prefixed `crm.`, `llm.` and `projection.`; the input `label` is float32 ["batch"].
 * @param llmLoss default the two-way loss
 */
export function jointProgram(
  crm: Part<CrmOutput>,
  llm: Part<DecoderOutput>,
  projection: ProjectionConfig,
  widths: HiddenWidths,
  weights: LossWeights,
  llmLoss: LlmLoss = twoWay,
): Program {
  const specs = compose({
    crm,
    llm,
    projection: { params: projectionParams(projection, widths), tables: {}, inputs: {} },
  });
  return {
    ...specs,
    inputs: { ...specs.inputs, label: { shape: ["batch"], dtype: "float32" } },
    forward(scope: Scope) {
      const label = scope.input("label");
      const a = crm.forward(within(scope, "crm"));
      const b = llm.forward(within(scope, "llm"));
      const crmLoss = binaryCrossEntropy(a.logit, label);
      const lossOfLlm = llmLoss(b, label);
      const projections = within(scope, "projection");
      const calibration = calibrationLoss(
        projection,
        (name) => projections.param(name),
        b.hiddenStates,
        a.hiddenStates,
      );
      const loss = tf.add(
        tf.add(tf.mul(lossOfLlm, weights.llm), tf.mul(crmLoss, weights.crm)),
        tf.mul(calibration, weights.calibration),
      );
      return { loss, outputs: { crmLoss, llmLoss: lossOfLlm, calibration } };
    },
  };
}

/** Stage 3, and tuning an LLM on its own: alpha = 1, beta = gamma = 0. Names are prefixed `llm.` as in stage 2. */
export function answerProgram(llm: Part<DecoderOutput>, llmLoss: LlmLoss = twoWay): Program {
  return labelledProgram(
    { ...compose({ llm }), forward: (scope) => llm.forward(within(scope, "llm")) },
    llmLoss,
  );
}
