import type { Tensor } from "@tensorflow/tfjs";
import { CorellaError } from "@corella/errors";
import { tf } from "../program/tf.ts";

/** How a parameter is updated. Definitions and defaults are PyTorch's (torch.optim). */
export type Optimizer =
  | {
      readonly kind: "sgd";
      readonly learningRate: number;
      readonly momentum?: number;
      /** From the second step on, momentum takes up 1 - dampening of the gradient. */
      readonly dampening?: number;
      /** Looks one step of momentum ahead (Sutskever et al. 2013). */
      readonly nesterov?: boolean;
      readonly l2?: number;
    }
  | {
      readonly kind: "adagrad";
      readonly learningRate: number;
      /** The rate of step t is learningRate / (1 + (t - 1) learningRateDecay). */
      readonly learningRateDecay?: number;
      /** What the sum of squares begins with. */
      readonly initialSum?: number;
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

/** Decay rates of Adam's two moments. */
export function betasOf(optimizer: {
  readonly betas?: readonly [number, number];
}): readonly [number, number] {
  return optimizer.betas ?? [0.9, 0.999];
}

/** What is added to an optimiser's denominator; PyTorch's default where it is absent. */
export function epsilonOf(optimizer: Exclude<Optimizer, { kind: "sgd" }>): number {
  return optimizer.epsilon ?? (optimizer.kind === "adagrad" ? 1e-10 : 1e-8);
}

/** The coupled L2 of an optimiser: l2 * w is added to the gradient. */
export function l2Of(optimizer: Optimizer): number {
  return optimizer.kind === "adamw" ? 0 : (optimizer.l2 ?? 0);
}

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

/** What each of an optimiser's arrays begins with. */
export function initialSlotValue(optimizer: Optimizer): number {
  return optimizer.kind === "adagrad" ? (optimizer.initialSum ?? 0) : 0;
}

/** The numbers of one step. */
export interface StepScalars {
  /** Scales the update. */
  readonly rate: number;
  /** 1 / sqrt(1 - beta2^step) */
  readonly correction: number;
  /** Multiplies the weights. */
  readonly decay: number;
  /** The part of the gradient that momentum takes up. */
  readonly gain: number;
}

/**
 * The numbers of one step of an optimiser.
 * @param step counts from 1
 * @param scale a schedule's factor on the learning rate
 */
export function stepScalars(optimizer: Optimizer, step: number, scale: number): StepScalars {
  const rate = optimizer.learningRate * scale;
  switch (optimizer.kind) {
    case "sgd":
      return { rate, correction: 1, decay: 1, gain: step === 1 ? 1 : 1 - (optimizer.dampening ?? 0) };
    case "adagrad": {
      const slower = 1 + (step - 1) * (optimizer.learningRateDecay ?? 0);
      return { rate: rate / slower, correction: 1, decay: 1, gain: 1 };
    }
    case "adam":
    case "adamw": {
      const [beta1, beta2] = betasOf(optimizer);
      return {
        rate: rate / (1 - beta1 ** step),
        correction: 1 / Math.sqrt(1 - beta2 ** step),
        decay: optimizer.kind === "adamw" ? 1 - rate * (optimizer.weightDecay ?? 0.01) : 1,
        gain: 1,
      };
    }
  }
}

/** Some rows of an array [rows, width], and where their gradients stand in an array of the same width. */
export interface RowRange {
  readonly rows: Int32Array;
  readonly places: Int32Array;
  /** The part of `rows` and `places` that counts. */
  readonly from: number;
  readonly to: number;
  readonly width: number;
}

const first = Int32Array.of(0);

/** A whole array as one row. */
export function wholeArray(size: number): RowRange {
  return { rows: first, places: first, from: 0, to: 1, width: size };
}

/**
 * Updates rows in place, of dense parameters and of tables alike. One call for many rows: a call for each would take as
 * long as the arithmetic.
 * @param slots arrays as long as `weights`, in the order of `slotNames`
 */
export function updateRows(
  optimizer: Optimizer,
  scalars: StepScalars,
  weights: Float32Array,
  slots: readonly Float32Array[],
  gradients: Float32Array,
  { rows, places, from, to, width }: RowRange,
): void {
  const { rate, correction, decay, gain } = scalars;
  const l2 = l2Of(optimizer);
  switch (optimizer.kind) {
    case "sgd": {
      const momentum = optimizer.momentum ?? 0;
      const nesterov = optimizer.nesterov === true;
      const velocity = slots[0];
      for (let row = from; row < to; row++) {
        let i = rows[row]! * width;
        let j = places[row]! * width;
        for (const end = i + width; i < end; i++, j++) {
          const g = gradients[j]! + l2 * weights[i]!;
          let direction = g;
          if (velocity) {
            const moved = momentum * velocity[i]! + gain * g;
            velocity[i] = moved;
            direction = nesterov ? g + momentum * moved : moved;
          }
          weights[i]! -= rate * direction;
        }
      }
      return;
    }
    case "adagrad": {
      const epsilon = epsilonOf(optimizer);
      const sum = slots[0]!;
      for (let row = from; row < to; row++) {
        let i = rows[row]! * width;
        let j = places[row]! * width;
        for (const end = i + width; i < end; i++, j++) {
          const g = gradients[j]! + l2 * weights[i]!;
          sum[i]! += g * g;
          weights[i]! -= (rate * g) / (Math.sqrt(sum[i]!) + epsilon);
        }
      }
      return;
    }
    case "adam":
    case "adamw": {
      const [beta1, beta2] = betasOf(optimizer);
      const epsilon = epsilonOf(optimizer);
      const m = slots[0]!;
      const v = slots[1]!;
      for (let row = from; row < to; row++) {
        let i = rows[row]! * width;
        let j = places[row]! * width;
        for (const end = i + width; i < end; i++, j++) {
          const w = weights[i]!;
          const g = gradients[j]! + l2 * w;
          const mi = m[i]! + (g - m[i]!) * (1 - beta1);
          const vi = beta2 * v[i]! + (1 - beta2) * g * g;
          m[i] = mi;
          v[i] = vi;
          weights[i] = w * decay - (rate * mi) / (Math.sqrt(vi) * correction + epsilon);
        }
      }
    }
  }
}

/**
 * An optimiser's update as operations, for graphs: what `updateRows` computes. Slots and results are in the order of
 * `slotNames`.
 */
export function updateTensors(
  optimizer: Optimizer,
  scalars: Readonly<Record<keyof StepScalars, Tensor>>,
  weight: Tensor,
  slots: readonly Tensor[],
  gradient: Tensor,
): { weight: Tensor; slots: Tensor[] } {
  const l2 = l2Of(optimizer);
  const g = l2 === 0 ? gradient : tf.add(gradient, tf.mul(weight, l2));
  switch (optimizer.kind) {
    case "sgd": {
      if (slots[0] === undefined) return { weight: tf.sub(weight, tf.mul(scalars.rate, g)), slots: [] };
      const momentum = optimizer.momentum ?? 0;
      const taken = optimizer.dampening ? tf.mul(g, scalars.gain) : g;
      const velocity = tf.add(tf.mul(slots[0], momentum), taken);
      const direction = optimizer.nesterov === true ? tf.add(g, tf.mul(velocity, momentum)) : velocity;
      return { weight: tf.sub(weight, tf.mul(scalars.rate, direction)), slots: [velocity] };
    }
    case "adagrad": {
      const sum = tf.add(slots[0]!, tf.square(g));
      const step = tf.div(g, tf.add(tf.sqrt(sum), epsilonOf(optimizer)));
      return { weight: tf.sub(weight, tf.mul(scalars.rate, step)), slots: [sum] };
    }
    case "adam":
    case "adamw": {
      const [beta1, beta2] = betasOf(optimizer);
      const m = tf.add(tf.mul(slots[0]!, beta1), tf.mul(g, 1 - beta1));
      const v = tf.add(tf.mul(slots[1]!, beta2), tf.mul(tf.square(g), 1 - beta2));
      const denominator = tf.add(tf.mul(tf.sqrt(v), scalars.correction), epsilonOf(optimizer));
      const kept = optimizer.kind === "adamw" ? tf.mul(weight, scalars.decay) : weight;
      return { weight: tf.sub(kept, tf.mul(scalars.rate, tf.div(m, denominator))), slots: [m, v] };
    }
  }
}

/**
 * Refuses settings that PyTorch refuses too.
 * @param name the parameter or table that they are for
 * @throws CorellaError `engine/optimizer`
 */
export function checkOptimizer(optimizer: Optimizer, name: string): void {
  const fail = (message: string, remedy: string): never => {
    throw new CorellaError({ code: "engine/optimizer", message, place: name, remedy });
  };
  const kinds: readonly string[] = ["sgd", "adagrad", "adam", "adamw"] satisfies Optimizer["kind"][];
  if (!kinds.includes(optimizer.kind))
    fail(`There is no optimiser ${JSON.stringify(optimizer.kind)}.`, `Choose among ${kinds.join(", ")}.`);
  if (!(optimizer.learningRate >= 0 && optimizer.learningRate < Number.POSITIVE_INFINITY))
    fail(`The learning rate is ${optimizer.learningRate}.`, "Choose a number from 0 on.");
  if (optimizer.kind === "sgd" && optimizer.nesterov === true && (!optimizer.momentum || optimizer.dampening))
    fail(
      "Nesterov's momentum looks ahead along a momentum without dampening.",
      "Set momentum, and no dampening.",
    );
  for (const [setting, value] of Object.entries(optimizer))
    if (
      typeof value === "number" &&
      setting !== "dampening" &&
      !(value >= 0 && value < Number.POSITIVE_INFINITY)
    )
      fail(`The ${setting} is ${value}.`, "Choose a number from 0 on.");
  if (optimizer.kind !== "adam" && optimizer.kind !== "adamw") return;
  for (const beta of betasOf(optimizer))
    if (!(beta >= 0 && beta < 1)) fail(`A beta is ${beta}.`, "Choose betas from 0 to below 1.");
}
