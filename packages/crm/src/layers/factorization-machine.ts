import { tf } from "@corella/engine";
import type { Embedded } from "./embedding.ts";
import type { Layer, Tensor } from "./layer.ts";

/**
 * All pairwise products, 1/2 ((sum_f e_f)² - sum_f e_f²) (Rendle 2010): [batch, dim]; its sum over dim is the
 * factorization machine's logit. Written as sum_f e_f * (e_1 + .. + e_{f-1}), which loses nothing by cancellation.
 */
export function factorizationMachine(): Layer<Embedded, Tensor> {
  return {
    forward(_, { fields }) {
      let before = fields[0]!;
      const products = fields.slice(1).map((field, f) => {
        const product = tf.mul(field, before);
        if (f < fields.length - 2) before = tf.add(before, field);
        return product;
      });
      return products.length === 0 ? tf.zerosLike(before) : tf.addN(products);
    },
  };
}
