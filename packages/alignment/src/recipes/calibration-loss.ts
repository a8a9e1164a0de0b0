import { tf, type InputSpec, type ParamSpec, type Scope, type Tensor } from "@corella/engine";
import { pooled, type DecoderOutput } from "@corella/llm";
import type { TunedDecoder } from "../llm/llm-tuning.ts";
import type { AlignedLayers } from "./aligned-layers.ts";

/** The projections g of eq. 3: one fully connected layer for each side of each aligned pair, from the width of its own layer. */
export function projectionParams({
  llmLayers,
  width,
  normalise,
  hiddenWidths,
}: AlignedLayers): Record<string, ParamSpec> {
  const params: Record<string, ParamSpec> = {};
  llmLayers.forEach((_, j) => {
    for (const [side, hiddenWidth] of [
      ["llm", hiddenWidths.llm],
      ["crm", hiddenWidths.crm[j]!],
    ] as const) {
      params[`${side}.${j}.weight`] = {
        shape: [width, hiddenWidth],
        // A normalised state has norm 1, and its projection about 1 too.
        init: normalise === "none" ? { kind: "xavierNormal" } : { kind: "normal", std: width ** -0.5 },
      };
      params[`${side}.${j}.bias`] = { shape: [width], init: { kind: "zeros" } };
    }
  });
  return params;
}

/** The input `pooling` of a program whose L_cal takes means of the LLM's states: weights, as `poolingFeed` makes them. */
export function poolingInput(
  aligned: Pick<AlignedLayers, "pooling"> | undefined,
  llm: Pick<TunedDecoder, "part"> | undefined,
): Record<string, InputSpec> {
  if (aligned?.pooling !== "mean" || llm === undefined) return {};
  return { pooling: { shape: ["batch", llm.part.inputs["tokens"]!.shape.at(-1)!], dtype: "float32" } };
}

/**
 * What stands for each sample among the LLM's hidden states, [batch, hidden] of each block: that of the last token, or the mean
 * by the weights of the input `pooling`, for which the decoder gives the states of all positions.
 */
export function pooledStates(
  { pooling }: Pick<AlignedLayers, "pooling">,
  { hiddenStates, sequenceStates }: DecoderOutput,
  scope: Pick<Scope, "input">,
): readonly Tensor[] {
  if (pooling === "last") return hiddenStates;
  const weights = scope.input("pooling");
  return sequenceStates!.map((states) => pooled(states, weights));
}

/**
 * L_cal, eq. 3: the distance of projected hidden states, summed over the aligned pairs, mean over the batch.
 * @param param the projections' tensors by the names of `projectionParams`
 * @param llm hidden states [batch, hidden] of the blocks, `llm[l]` after block l (0: the embedding)
 * @param crm hidden states [batch, d] of the interaction layers, `crm[0]` after the first; d may differ from layer to layer
 */
export function calibrationLoss(
  aligned: Omit<AlignedLayers, "width" | "pooling" | "hiddenWidths">,
  param: (name: string) => Tensor,
  llm: readonly Tensor[],
  crm: readonly Tensor[],
): Tensor {
  const { llmLayers, crmLayers, normalise } = aligned;
  const terms = llmLayers.map((block, j) => {
    const project = (side: string, hidden: Tensor): Tensor =>
      tf.add(
        tf.matMul(
          (normalise === "none" ? hidden : unitNorm(hidden)) as never,
          param(`${side}.${j}.weight`) as never,
          false,
          true,
        ),
        param(`${side}.${j}.bias`),
      );
    return distance(aligned, project("llm", llm[block]!), project("crm", crm[crmLayers[j]! - 1]!));
  });
  return terms.reduce((sum, term) => tf.add(sum, term));
}

/**
 * Hidden states [batch, d], centred and of norm 1: layer normalisation without weights (Ba et al. 2016), divided by sqrt(d).
 * Real LLMs have states with norms of tens of thousands, a CRM of less than one: on a common scale neither decides alone how
 * large L_cal is. Epsilon is 1e-8, less than PyTorch's 1e-5: products of embeddings (FM, CIN, FiBiNET) deviate by 1e-3.
 */
function unitNorm(hidden: Tensor): Tensor {
  const centred = tf.sub(hidden, tf.mean(hidden, -1, true));
  const variance = tf.mean(tf.square(centred), -1, true);
  return tf.mul(centred, tf.rsqrt(tf.mul(tf.add(variance, 1e-8), hidden.shape.at(-1)!)));
}

/** The mean distance of the rows of a and b, both [batch, width]. */
function distance(
  { distance: kind, power, temperature }: Pick<AlignedLayers, "distance" | "power" | "temperature">,
  a: Tensor,
  b: Tensor,
): Tensor {
  if (kind === "euclidean") return tf.mean(powerOfNorm(tf.sum(tf.square(tf.sub(a, b)), -1), power));
  const [u, v] = [direction(a), direction(b)];
  const cosine = tf.sum(tf.mul(u, v), -1);
  return kind === "cosine" ? tf.mean(tf.sub(1, cosine)) : contrast(u, v, cosine, temperature);
}

/** ||d||_2^power from the squared norm. The floor keeps the derivative of the root finite where the states agree. */
function powerOfNorm(squaredNorm: Tensor, power: number): Tensor {
  if (power === 2) return squaredNorm;
  const safe = tf.add(squaredNorm, 1e-12);
  return power === 1 ? tf.sqrt(safe) : tf.exp(tf.mul(tf.log(safe), power / 2));
}

/** x / ||x||_2 of each row. */
function direction(x: Tensor): Tensor {
  return tf.mul(x, tf.rsqrt(tf.add(tf.sum(tf.square(x), -1, true), 1e-12)));
}

/**
 * InfoNCE (van den Oord et al. 2018) in both directions, as CLIP has it: each sample's projection by one model is to find that of
 * the same sample by the other among all of the batch. Samples are told apart, so that no constant projection is best.
 * @param cosine of u and v, row by row [batch]
 */
function contrast(u: Tensor, v: Tensor, cosine: Tensor, temperature: number): Tensor {
  const similarity = tf.div(tf.matMul(u as never, v as never, false, true), temperature);
  const all = tf.mul(tf.add(tf.logSumExp(similarity, 1), tf.logSumExp(similarity, 0)), 0.5);
  return tf.mean(tf.sub(all, tf.div(cosine, temperature)));
}
