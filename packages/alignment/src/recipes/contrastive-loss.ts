import { tf, type ParamSpec, type Tensor } from "@corella/engine";

/** How the two modalities of samples are compared. */
export interface ContrastiveSettings {
  /** What is projected: states of mean 0 and variance 1 in the batch (batch normalisation without weights), or as they are, as in the paper. */
  readonly normalise: "batchNorm" | "none";
  /** Width of a subspace into which both towers are projected. */
  readonly width: number;
  /** M: subspaces of a sample, of which the nearest are compared; 1: the plain inner product. */
  readonly subspaces: number;
  /** tau: what similarities are divided by. */
  readonly temperature: number;
}

/** Widths of what the two towers say of a sample. */
export interface TowerWidths {
  readonly text: number;
  readonly crm: number;
}

/** The projections of both towers into the subspaces, one fully connected layer each. */
export function contrastiveParams(
  { width, subspaces, normalise }: ContrastiveSettings,
  widths: TowerWidths,
): Record<string, ParamSpec> {
  const params: Record<string, ParamSpec> = {};
  for (const [side, hidden] of Object.entries(widths)) {
    params[`${side}.weight`] = {
      shape: [subspaces * width, hidden],
      // Of normalised states inner products have a variance of 1.
      init:
        normalise === "none"
          ? { kind: "xavierNormal" }
          : { kind: "normal", std: hidden ** -0.5 * width ** -0.25 },
    };
    params[`${side}.bias`] = { shape: [subspaces * width], init: { kind: "zeros" } };
  }
  return params;
}

/**
 * The cross-modal contrastive loss of CTRL (Li et al. 2023, section 4.2): InfoNCE in both directions, mean over the batch. A
 * sample's text is to find its own features among those of the batch, and its features their text. The similarity is the
 * fine-grained one: each subspace of the one that searches is compared with its nearest of the other, and all are summed.
 * @param param the projections' tensors by the names of `contrastiveParams`
 * @param text what the text tower says, [batch, widths.text] @param crm what the CRM says, [batch, widths.crm]
 */
export function contrastiveLoss(
  { width, subspaces, temperature, normalise }: ContrastiveSettings,
  param: (name: string) => Tensor,
  text: Tensor,
  crm: Tensor,
): Tensor {
  const batch = text.shape[0]!;
  const project = (side: string, hidden: Tensor): Tensor =>
    tf.add(
      tf.matMul(
        (normalise === "none" ? hidden : batchNorm(hidden)) as never,
        param(`${side}.weight`) as never,
        false,
        true,
      ),
      param(`${side}.bias`),
    );
  const [ofText, ofCrm] = [project("text", text), project("crm", crm)];
  const similarity = (shape: readonly number[], paired: readonly number[]): Tensor => {
    const [a, b] = [ofText, ofCrm].map((side) => tf.reshape(side, [...shape, width]));
    return tf.reshape(tf.div(tf.matMul(a as never, b as never, false, true), temperature), [...paired]);
  };
  // Of every text with every sample's features, by their subspaces; and of each text with its own features.
  const all = similarity([batch * subspaces], [batch, subspaces, batch, subspaces]);
  const own = similarity([batch, subspaces], [batch, subspaces, subspaces]);
  const textFinds = tf.sub(tf.logSumExp(tf.sum(tf.max(all, 3), 1), 1), tf.sum(tf.max(own, 2), 1));
  const featuresFind = tf.sub(tf.logSumExp(tf.sum(tf.max(all, 1), 2), 0), tf.sum(tf.max(own, 1), 1));
  return tf.mul(tf.mean(tf.add(textFinds, featuresFind)), 0.5);
}

/**
 * Each column of hidden states [batch, d] with mean 0 and variance 1. What all texts have in common, their template's words, is most of
 * what an encoder says at first, and an untrained CRM says next to nothing: as they are, every sample looks like every other one, and
 * the loss stays at that of chance.
 */
function batchNorm(hidden: Tensor): Tensor {
  const centred = tf.sub(hidden, tf.mean(hidden, 0, true));
  return tf.mul(centred, tf.rsqrt(tf.add(tf.mean(tf.square(centred), 0, true), 1e-12)));
}
