import { tf, type ParamSpec } from "@corella/engine";
import type { Layer, Tensor } from "./layer.ts";

/** Sizes of a compressed interaction network. */
export interface CinOptions {
  readonly fields: number;
  /** Coordinates of an embedding. */
  readonly dim: number;
  /** Feature maps of each layer. */
  readonly units: readonly number[];
}

/**
 * Compressed interaction network (xDeepFM eq. 6): X_{l+1}[n] = sum_{h,m} W_l[n, hM+m] X_0[h] * X_l[m] + b_l[n], without
 * activation. X_0 [batch, fields * dim] -> the pooled maps sum_d X_l, [batch, units], of each layer.
 *
 * Pooled, the products are inner products: sum_d X_{l+1}[n] = sum_{h,m} W_l[n, hM+m] <X_0[h], X_l[m]> + dim b_l[n]. So
 * the last layer, which nothing but the pool reads, is a [fields, M] Gram matrix per sample in place of dim of them.
 */
export function cin({ fields, dim, units }: CinOptions): Layer<Tensor, Tensor[]> {
  const params: Record<string, ParamSpec> = {};
  let maps = fields;
  units.forEach((size, l) => {
    params[`cin_layer.layer_${l + 1}.weight`] = {
      shape: [size, fields * maps],
      init: { kind: "xavierNormal" },
    };
    params[`cin_layer.layer_${l + 1}.bias`] = { shape: [size], init: { kind: "zeros" } };
    maps = size;
  });
  return {
    params,
    forward(scope, flat) {
      /** [batch * dim, fields]: one row for each embedding coordinate, as the network mixes maps and not coordinates. */
      const rows0 = tf.reshape(tf.transpose(tf.reshape(flat, [-1, fields, dim]), [0, 2, 1]), [-1, fields]);
      let rows = rows0;
      return units.map((size, l) => {
        const weight = scope.param(`cin_layer.layer_${l + 1}.weight`);
        const bias = scope.param(`cin_layer.layer_${l + 1}.bias`);
        const width = rows.shape[1]!;
        if (l === units.length - 1) {
          const base = tf.reshape(rows0, [-1, dim, fields]);
          const gram = tf.matMul(base, tf.reshape(rows, [-1, dim, width]), true, false);
          const pooled = tf.matMul(tf.reshape(gram, [-1, fields * width]), weight, false, true);
          return tf.add(pooled, tf.mul(bias, dim));
        }
        /** [batch * dim, fields, width] */
        const products = tf.matMul(tf.reshape(rows0, [-1, fields, 1]), tf.reshape(rows, [-1, 1, width]));
        rows = tf.add(tf.matMul(tf.reshape(products, [-1, fields * width]), weight, false, true), bias);
        return tf.sum(tf.reshape(rows, [-1, dim, size]), 1);
      });
    },
  };
}
