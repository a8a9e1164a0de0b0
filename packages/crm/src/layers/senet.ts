import { tf } from "@corella/engine";
import type { Embedded } from "./embedding.ts";
import { combine, type Layer } from "./layer.ts";
import { linear } from "./linear.ts";

/**
 * Squeeze-and-excitation over fields (FiBiNET section 3.2): z_f = mean_d e_fd, gates A = act(W_2 relu(W_1 z)), no
 * biases; the fields times their gates.
 */
export function senet(
  fieldCount: number,
  dim: number,
  reductionRatio: number,
  gate: "relu" | "sigmoid",
): Layer<Embedded, Embedded> {
  const reduced = Math.max(1, Math.floor(fieldCount / reductionRatio));
  return combine(
    {
      "excitation.0": linear(fieldCount, reduced, false),
      "excitation.2": linear(reduced, fieldCount, false),
    },
    (call, { flat }: Embedded) => {
      const stacked = tf.reshape(flat, [-1, fieldCount, dim]);
      const excited = call["excitation.2"](tf.relu(call["excitation.0"](tf.mean(stacked, 2))));
      const gates = gate === "relu" ? tf.relu(excited) : tf.sigmoid(excited);
      const gated = tf.reshape(tf.mul(stacked, tf.expandDims(gates, 2)), [-1, fieldCount * dim]);
      return { fields: tf.split(gated, fieldCount, 1), flat: gated };
    },
  );
}
