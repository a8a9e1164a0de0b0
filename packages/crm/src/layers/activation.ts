import { tf } from "@corella/engine";
import { batchNormalization } from "./batch-normalization.ts";
import { combine, type Layer, type Tensor } from "./layer.ts";

/** All activations by name; `dice` and `prelu` have parameters of their own for each unit. */
export const activationNames = [
  "relu",
  "leakyRelu",
  "elu",
  "sigmoid",
  "tanh",
  "linear",
  "prelu",
  "dice",
] as const;
/** The name of an activation. */
export type Activation = (typeof activationNames)[number];

/** An activation of [rows, size]; leakyRelu has slope 0.01 and elu alpha 1, PyTorch's defaults. */
export function activation(name: Activation, size: number): Layer<Tensor, Tensor> {
  if (name === "prelu") return prelu(size);
  if (name === "dice") return dice(size);
  return { forward: (_, x) => elementwise(x, name) };
}

function elementwise(x: Tensor, name: Exclude<Activation, "prelu" | "dice">): Tensor {
  switch (name) {
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

/** PReLU (He et al. 2015): max(x, 0) + a min(x, 0), one slope a for each unit, 0.25 at first. */
function prelu(size: number): Layer<Tensor, Tensor> {
  return {
    params: { alpha: { shape: [size], init: { kind: "constant", value: 0.25 } } },
    forward: (scope, x) => tf.add(tf.relu(x), tf.mul(scope.param("alpha"), tf.minimum(x, 0))),
  };
}

/**
 * Dice (DIN section 5.3): p x + (1 - p) alpha x with p = sigmoid((x - E[x]) / sqrt(Var[x])), alpha 0 at first.
 * Epsilon and momentum of the statistics are FuxiCTR's.
 */
function dice(size: number): Layer<Tensor, Tensor> {
  const statistics = batchNormalization(size, { affine: false, epsilon: 1e-9, momentum: 0.01 });
  const norm = combine({ norm: statistics }, (call, x: Tensor) => call.norm(x));
  return {
    params: { alpha: { shape: [size], init: { kind: "zeros" } }, ...norm.params },
    forward(scope, x) {
      const p = tf.sigmoid(norm.forward(scope, x));
      const alpha = scope.param("alpha");
      // x (alpha + p (1 - alpha))
      return tf.mul(x, tf.add(alpha, tf.mul(p, tf.sub(1, alpha))));
    },
  };
}
