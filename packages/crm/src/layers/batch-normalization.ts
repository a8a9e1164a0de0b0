import { tf } from "@corella/engine";
import type { Layer, Tensor } from "./layer.ts";

/** What may differ from batch normalisation as PyTorch has it. */
export interface BatchNormalizationOptions {
  /** Learns a gain and a bias; default true. */
  readonly affine?: boolean;
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: number;
  /** The share of a batch in the running statistics; default 0.1. */
  readonly momentum?: number;
}

/**
 * Batch normalisation (Ioffe & Szegedy 2015) of [rows, size] with PyTorch's conventions: the biased variance
 * normalises, the unbiased one enters the running statistics.
 */
export function batchNormalization(
  size: number,
  { affine = true, epsilon = 1e-5, momentum = 0.1 }: BatchNormalizationOptions = {},
): Layer<Tensor, Tensor> {
  const state = { shape: [size], trainable: false } as const;
  return {
    params: {
      ...(affine
        ? {
            weight: { shape: [size], init: { kind: "ones" } },
            bias: { shape: [size], init: { kind: "zeros" } },
          }
        : {}),
      running_mean: { ...state, init: { kind: "zeros" } },
      running_var: { ...state, init: { kind: "ones" } },
    },
    forward(scope, x) {
      const runningMean = scope.param("running_mean");
      const runningVariance = scope.param("running_var");
      const scaled = (centred: Tensor, variance: Tensor): Tensor => {
        const scale = tf.rsqrt(tf.add(variance, epsilon));
        if (!affine) return tf.mul(centred, scale);
        return tf.add(tf.mul(centred, tf.mul(scale, scope.param("weight"))), scope.param("bias"));
      };
      if (!scope.training) return scaled(tf.sub(x, runningMean), runningVariance);
      const mean = tf.mean(x, 0);
      const centred = tf.sub(x, mean);
      const variance = tf.mean(tf.square(centred), 0);
      const count = tf.scalar(x.shape[0]!);
      const unbiased = tf.div(tf.mul(variance, count), tf.maximum(tf.sub(count, 1), 1));
      const follow = (running: Tensor, value: Tensor): Tensor =>
        tf.add(tf.mul(running, 1 - momentum), tf.mul(value, momentum));
      scope.assign("running_mean", follow(runningMean, mean));
      scope.assign("running_var", follow(runningVariance, unbiased));
      return scaled(centred, variance);
    },
  };
}
