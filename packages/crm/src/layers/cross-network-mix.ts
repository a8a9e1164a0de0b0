import { tf, type ParamSpec } from "@corella/engine";
import type { Layer, Tensor } from "./layer.ts";

/** Sizes of a cross network of low-rank experts. */
export interface CrossNetworkMixOptions {
  /** Width of the input and of every state. */
  readonly size: number;
  readonly layerCount: number;
  /** Columns of an expert's matrices. */
  readonly rank: number;
  readonly experts: number;
}

/**
 * Low-rank mixture of K experts (DCN V2 section 3.3): [batch, d] -> the states x_1..x_L,
 * x_{l+1} = x_l + sum_k g_k(x_l) x_0 * (U_k tanh(C_k tanh(V_kᵀ x_l)) + b), g = softmax_k(G x_l), G shared by all layers.
 * As the gates sum to 1, this is x_l + x_0 * ([U_1..U_K] [g_1 t_1; ..; g_K t_K] + b): two large products in place of 2K.
 */
export function crossNetworkMix(options: CrossNetworkMixOptions): Layer<Tensor, Tensor[]> {
  const { size, layerCount, rank, experts } = options;
  const params: Record<string, ParamSpec> = {
    "gating.weight": { shape: [experts, size], init: { kind: "xavierNormal", fanIn: size, fanOut: 1 } },
  };
  for (let l = 0; l < layerCount; l++) {
    params[`U_list.${l}`] = { shape: [experts, size, rank], init: { kind: "xavierNormal" } };
    params[`V_list.${l}`] = { shape: [experts, size, rank], init: { kind: "xavierNormal" } };
    params[`C_list.${l}`] = { shape: [experts, rank, rank], init: { kind: "xavierNormal" } };
    params[`bias.${l}`] = { shape: [size], init: { kind: "zeros" } };
  }
  return {
    params,
    forward(scope, x0) {
      let x = x0;
      return Array.from({ length: layerCount }, (_, l) => {
        /** [size, experts * rank] */
        const v = tf.reshape(tf.transpose(scope.param(`V_list.${l}`), [1, 0, 2]), [size, experts * rank]);
        /** [experts * rank, size] */
        const u = tf.reshape(tf.transpose(scope.param(`U_list.${l}`), [0, 2, 1]), [experts * rank, size]);
        /** [experts, batch, rank] */
        const low = tf.transpose(tf.reshape(tf.tanh(tf.matMul(x, v)), [-1, experts, rank]), [1, 0, 2]);
        const mixed = tf.tanh(tf.matMul(low, scope.param(`C_list.${l}`), false, true));
        /** [batch, experts] */
        const gate = tf.softmax(tf.matMul(x, scope.param("gating.weight"), false, true));
        const gated = tf.mul(tf.transpose(mixed, [1, 0, 2]), tf.expandDims(gate, 2));
        const expert = tf.matMul(tf.reshape(gated, [-1, experts * rank]), u);
        x = tf.add(x, tf.mul(x0, tf.add(expert, scope.param(`bias.${l}`))));
        return x;
      });
    },
  };
}
