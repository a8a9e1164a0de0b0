import { tf, type Part, type Program } from "@corella/engine";
import type { AnswerIds, DecoderOutput } from "./decoder.ts";
import { headCrossEntropy } from "../operations/cross-entropy.ts";

/**
 * Mean of -log softmax([yes, no])[answer]: the cross entropy of the probability by which samples are scored (eq. 2).
 * @param yesNoLogits [batch, 2] @param labels float32 [batch], 1 for yes
 * @param offset a logit that is known beforehand, float32 [batch], added to that of yes: what is learned is the rest
 */
export function twoWayLoss(yesNoLogits: tf.Tensor, labels: tf.Tensor, offset?: tf.Tensor): tf.Tensor {
  const own = logitDifference(yesNoLogits);
  const difference = offset === undefined ? own : tf.add(own, offset);
  return tf.mean(tf.sub(tf.softplus(difference), tf.mul(labels, difference)));
}

/**
 * A program that trains a part by a loss of its output and labels: to the part's inputs comes `label`, float32 [batch],
 * 1 for yes. Parameters keep the part's names.
 * @param loss scalar
 */
export function labelledProgram<Output>(
  part: Part<Output>,
  loss: (output: Output, labels: tf.Tensor) => tf.Tensor,
): Program {
  return {
    ...part,
    inputs: { ...part.inputs, label: { shape: ["batch"], dtype: "float32" } },
    forward: (scope) => ({ loss: loss(part.forward(scope), scope.input("label")), outputs: {} }),
  };
}

/** A program that trains a decoder by `twoWayLoss`: to its inputs comes `label`, float32 [batch], 1 for yes. */
export function twoWayProgram(part: Part<Pick<DecoderOutput, "yesNoLogits">>): Program {
  return labelledProgram(part, ({ yesNoLogits }, labels) => twoWayLoss(yesNoLogits, labels));
}

/**
 * The logit of P(yes), [batch]: the logit of yes minus that of no.
 * @param yesNoLogits [batch, 2]
 */
export function logitDifference(yesNoLogits: tf.Tensor): tf.Tensor {
  const [yes, no] = tf.split(yesNoLogits, 2, 1) as [tf.Tensor, tf.Tensor];
  return tf.reshape(tf.sub(yes, no), [-1]);
}

/**
 * How two answers become P(yes). `twoWay`: the softmax over their logits (eq. 2). `doubleSoftmax`: the softmax over their two
 * probabilities among the whole vocabulary, as the published code of TALLRec scores: between 1 / (1 + e) = .269 and .731.
 */
export const answerScorings = ["twoWay", "doubleSoftmax"] as const;

/** Name of a way in which two answers become P(yes). */
export type AnswerScoring = (typeof answerScorings)[number];

/**
 * What a sigmoid makes P(yes) of, [batch]: the difference of the two logits, or with `doubleSoftmax` that of the two
 * probabilities, each exp(logit) over the sum of exp of all the vocabulary's logits.
 */
export function answerDifference(
  { yesNoLogits, logitsLast }: Pick<DecoderOutput, "yesNoLogits" | "logitsLast">,
  scoring: AnswerScoring = "twoWay",
): tf.Tensor {
  if (scoring === "twoWay") return logitDifference(yesNoLogits);
  const all = tf.logSumExp(logitsLast(), 1, true);
  return logitDifference(tf.exp(tf.sub(yesNoLogits, all)));
}

/**
 * Mean of -log softmax over the whole vocabulary at the answer's token, and nowhere else (TALLRec's loss on the answer). Variants of
 * an answer are not taught: its first token is.
 * @param labels float32 [batch], 1 for yes
 */
export function answerLoss(
  output: Pick<DecoderOutput, "hiddenStates" | "head">,
  labels: tf.Tensor,
  answers: AnswerIds,
): tf.Tensor {
  const span = answers.yes - answers.no;
  const targets = tf.cast(tf.add(tf.mul(labels, span), answers.no), "int32");
  return headCrossEntropy(output.hiddenStates.at(-1)!, output.head, targets);
}
