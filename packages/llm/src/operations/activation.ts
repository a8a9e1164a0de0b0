import { tf } from "@corella/engine";
import type { Activation } from "../config/activation.ts";
import { gelu, geluGated, geluTanh } from "./gelu.ts";
import { swiglu } from "./swiglu.ts";

/** The activation of that kind, element by element. */
export function activate(kind: Activation, x: tf.Tensor): tf.Tensor {
  switch (kind) {
    case "silu":
      return tf.mul(x, tf.sigmoid(x));
    case "gelu":
      return gelu(x);
    case "geluTanh":
      return geluTanh(x);
    case "relu":
      return tf.relu(x);
  }
}

/**
 * The gated activation of a feed-forward layer, activate(gate) * up (Shazeer 2020). For silu and geluTanh, which
 * decoders have in every block, little is kept for the gradient.
 */
export function gated(kind: Activation, gate: tf.Tensor, up: tf.Tensor): tf.Tensor {
  if (kind === "silu") return swiglu(gate, up);
  if (kind === "geluTanh") return geluGated(gate, up);
  return tf.mul(activate(kind, gate), up);
}
