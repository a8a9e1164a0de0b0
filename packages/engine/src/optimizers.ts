import type { Tensor } from "@tensorflow/tfjs";
import { tf } from "./tf.ts";

/** How a parameter is updated. Definitions and defaults are PyTorch's (torch.optim). */
export type Optimizer =
  | { readonly kind: "sgd"; readonly learningRate: number; readonly momentum?: number; readonly l2?: number }
  | {
      readonly kind: "adagrad";
      readonly learningRate: number;
      readonly epsilon?: number;
      readonly l2?: number;
    }
  | {
      readonly kind: "adam";
      readonly learningRate: number;
      readonly betas?: readonly [number, number];
      readonly epsilon?: number;
      /** Coupled L2: l2 * w is added to the gradient. */
      readonly l2?: number;
    }
  | {
      readonly kind: "adamw";
      readonly learningRate: number;
      readonly betas?: readonly [number, number];
      readonly epsilon?: number;
      /** Decoupled decay (Loshchilov & Hutter 2019): w -= learningRate * weightDecay * w. */
      readonly weightDecay?: number;
    };

const defaultBetas = [0.9, 0.999] as const;

/** Names of the arrays that an optimiser keeps beside each parameter. */
export function slotNames(optimizer: Optimizer): readonly string[] {
  switch (optimizer.kind) {
    case "sgd":
      return optimizer.momentum ? ["momentum"] : [];
    case "adagrad":
      return ["sum"];
    case "adam":
    case "adamw":
      return ["m", "v"];
  }
}

/** The numbers of one step: `rate` scales the update, `correction` is 1 / sqrt(1 - beta2^step), `decay` multiplies the weights. */
export interface StepScalars {
  readonly rate: number;
  readonly correction: number;
  readonly decay: number;
}

/** @param step counts from 1 @param scale a schedule's factor on the learning rate */
export function stepScalars(optimizer: Optimizer, step: number, scale: number): StepScalars {
  const learningRate = optimizer.learningRate * scale;
  if (optimizer.kind === "sgd" || optimizer.kind === "adagrad")
    return { rate: learningRate, correction: 1, decay: 1 };
  const [beta1, beta2] = optimizer.betas ?? defaultBetas;
  return {
    rate: learningRate / (1 - beta1 ** step),
    correction: 1 / Math.sqrt(1 - beta2 ** step),
    decay: optimizer.kind === "adamw" ? 1 - learningRate * (optimizer.weightDecay ?? 0.01) : 1,
  };
}

/**
 * Updates weights[start, end) in place from gradient[offset, ...), for dense parameters and for rows of tables alike.
 * @param slots arrays as long as `weights`, in the order of `slotNames`
 */
export function updateRange(
  optimizer: Optimizer,
  scalars: StepScalars,
  weights: Float32Array,
  slots: readonly Float32Array[],
  gradient: Float32Array,
  start: number,
  end: number,
  offset: number,
): void {
  const { rate, correction, decay } = scalars;
  switch (optimizer.kind) {
    case "sgd": {
      const momentum = optimizer.momentum ?? 0;
      const l2 = optimizer.l2 ?? 0;
      const velocity = slots[0];
      for (let i = start, j = offset; i < end; i++, j++) {
        let g = gradient[j]! + l2 * weights[i]!;
        if (velocity) g = velocity[i] = momentum * velocity[i]! + g;
        weights[i]! -= rate * g;
      }
      return;
    }
    case "adagrad": {
      const epsilon = optimizer.epsilon ?? 1e-10;
      const l2 = optimizer.l2 ?? 0;
      const sum = slots[0]!;
      for (let i = start, j = offset; i < end; i++, j++) {
        const g = gradient[j]! + l2 * weights[i]!;
        sum[i]! += g * g;
        weights[i]! -= (rate * g) / (Math.sqrt(sum[i]!) + epsilon);
      }
      return;
    }
    case "adam":
    case "adamw": {
      const [beta1, beta2] = optimizer.betas ?? defaultBetas;
      const epsilon = optimizer.epsilon ?? 1e-8;
      const l2 = optimizer.kind === "adam" ? (optimizer.l2 ?? 0) : 0;
      const m = slots[0]!;
      const v = slots[1]!;
      for (let i = start, j = offset; i < end; i++, j++) {
        const w = weights[i]!;
        const g = gradient[j]! + l2 * w;
        const mi = m[i]! + (g - m[i]!) * (1 - beta1);
        const vi = beta2 * v[i]! + (1 - beta2) * g * g;
        m[i] = mi;
        v[i] = vi;
        weights[i] = w * decay - (rate * mi) / (Math.sqrt(vi) * correction + epsilon);
      }
    }
  }
}

/** The same update as operations, for graphs. Slots and results in the order of `slotNames`. */
export function updateTensors(
  optimizer: Optimizer,
  scalars: { readonly rate: Tensor; readonly correction: Tensor; readonly decay: Tensor },
  weight: Tensor,
  slots: readonly Tensor[],
  gradient: Tensor,
): { weight: Tensor; slots: Tensor[] } {
  const l2 = optimizer.kind === "adamw" ? 0 : (optimizer.l2 ?? 0);
  const g = l2 === 0 ? gradient : tf.add(gradient, tf.mul(weight, l2));
  switch (optimizer.kind) {
    case "sgd": {
      const velocity =
        slots[0] === undefined ? undefined : tf.add(tf.mul(slots[0], optimizer.momentum ?? 0), g);
      return {
        weight: tf.sub(weight, tf.mul(scalars.rate, velocity ?? g)),
        slots: velocity === undefined ? [] : [velocity],
      };
    }
    case "adagrad": {
      const sum = tf.add(slots[0]!, tf.square(g));
      const step = tf.div(g, tf.add(tf.sqrt(sum), optimizer.epsilon ?? 1e-10));
      return { weight: tf.sub(weight, tf.mul(scalars.rate, step)), slots: [sum] };
    }
    case "adam":
    case "adamw": {
      const [beta1, beta2] = optimizer.betas ?? defaultBetas;
      const m = tf.add(tf.mul(slots[0]!, beta1), tf.mul(g, 1 - beta1));
      const v = tf.add(tf.mul(slots[1]!, beta2), tf.mul(tf.square(g), 1 - beta2));
      const denominator = tf.add(tf.mul(tf.sqrt(v), scalars.correction), optimizer.epsilon ?? 1e-8);
      const kept = optimizer.kind === "adamw" ? tf.mul(weight, scalars.decay) : weight;
      return { weight: tf.sub(kept, tf.mul(scalars.rate, tf.div(m, denominator))), slots: [m, v] };
    }
  }
}
