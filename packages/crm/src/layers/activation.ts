import { tf } from "@corella/engine";
import type { Tensor } from "./layer.ts";

export const activationNames = ["relu", "leakyRelu", "elu", "sigmoid", "tanh", "linear"] as const;
export type Activation = (typeof activationNames)[number];

/** Elementwise functions; leakyRelu has slope 0.01 and elu alpha 1, PyTorch's defaults. */
export function activate(x: Tensor, activation: Activation): Tensor {
  switch (activation) {
    case "relu":
      return tf.relu(x);
    case "leakyRelu":
      return leakyRelu(x);
    case "elu":
      // relu(x) + exp(min(x, 0)) - 1
      return tf.add(tf.relu(x), tf.sub(tf.exp(tf.minimum(x, 0)), 1));
    case "sigmoid":
      return tf.sigmoid(x);
    case "tanh":
      return tf.tanh(x);
    case "linear":
      return x;
  }
}

/** max(x, 0.01 x) */
export function leakyRelu(x: Tensor): Tensor {
  return tf.maximum(x, tf.mul(x, 0.01));
}
