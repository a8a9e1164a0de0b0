import { tf } from "@corella/engine";
import type { Activation } from "./activation.ts";
import type { Layer, Tensor } from "./layer.ts";
import { mlp } from "./mlp.ts";

/** DIN's local activation unit: how the events of a sequence are weighed by their target. */
export interface AttentionConfig {
  /** Hidden layers of the network that gives a weight. */
  hiddenUnits: number[];
  activation: Activation;
  dropout: number;
  /** Weights sum to 1. The paper leaves it out, so that the sum also tells how strong the interest is. */
  softmax: boolean;
}

/** A batch of sequences and what their events are compared with. */
export interface AttentionInput {
  /** [batch, dim] */
  readonly target: Tensor;
  /** [batch, length, dim], zeros where nothing is. */
  readonly events: Tensor;
  /** [batch, length], 1 where an event is, else 0. */
  readonly mask: Tensor;
}

/**
 * Local activation unit of DIN (Zhou et al. 2018, arXiv:1706.06978, eq. 3): sum_j w_j e_j -> [batch, dim], the weight
 * w_j = MLP([t; e_j; t - e_j; t * e_j]). The paper draws an outer product in place of the last two; its authors' code and
 * FuxiCTR have these.
 */
export function targetAttention(dim: number, config: AttentionConfig): Layer<AttentionInput, Tensor> {
  const { hiddenUnits, softmax } = config;
  const first = comparison(dim, hiddenUnits[0]!);
  const unit = mlp({ ...config, inSize: 4 * dim, outSize: 1, batchNormalization: false, first });
  return {
    params: unit.params ?? {},
    forward(scope, { target, events, mask }) {
      const length = events.shape[1]!;
      const { output } = unit.forward(scope, [target, events]);
      let weights = tf.mul(tf.reshape(output, [-1, length]), mask);
      if (softmax) weights = tf.softmax(tf.add(weights, tf.mul(tf.sub(1, mask), -1e9)));
      return tf.sum(tf.mul(events, tf.expandDims(weights, 2)), 1);
    },
  };
}

/**
 * W [t; e; t - e; t * e] + b of each event -> [batch * length, out]. Written as (W_1 + W_3) t + (W_2 - W_3) e + W_4 (t * e):
 * half the products, and the target's are computed once for all events.
 */
function comparison(dim: number, outSize: number): Layer<Tensor | readonly Tensor[], Tensor> {
  return {
    params: {
      weight: { shape: [outSize, 4 * dim], init: { kind: "xavierNormal" } },
      bias: { shape: [outSize], init: { kind: "zeros" } },
    },
    forward(scope, input) {
      const [target, events] = input as readonly [Tensor, Tensor];
      const [w1, w2, w3, w4] = tf.split(scope.param("weight"), 4, 1) as [Tensor, Tensor, Tensor, Tensor];
      const rows = (x: Tensor): Tensor => tf.reshape(x, [-1, dim]);
      const ofTarget = tf.add(tf.matMul(target, tf.add(w1, w3), false, true), scope.param("bias"));
      const product = rows(tf.mul(events, tf.expandDims(target, 1)));
      const ofEvents = tf.add(
        tf.matMul(rows(events), tf.sub(w2, w3), false, true),
        tf.matMul(product, w4, false, true),
      );
      const each = tf.reshape(ofEvents, [-1, events.shape[1]!, outSize]);
      return tf.reshape(tf.add(each, tf.expandDims(ofTarget, 1)), [-1, outSize]);
    },
  };
}
