import { tf } from "@corella/engine";
import type { Embedded } from "./embedding.ts";
import type { Layer, Tensor } from "./layer.ts";

/**
 * How many matrices there are: `field_all` one for all pairs of fields, `field_each` one for the pairs of each first
 * field, `field_interaction` one for each pair.
 */
export type BilinearType = "field_all" | "field_each" | "field_interaction";

/**
 * Bilinear interaction (FiBiNET section 3.3): p_ij = (e_i W) * e_j for all i < j, row-major, with one W for all fields,
 * one for each i, or one for each pair -> [batch, pairs * dim]. The products of one i are one matrix product.
 */
export function bilinear(fieldCount: number, dim: number, type: BilinearType): Layer<Embedded, Tensor> {
  const pairs = (fieldCount * (fieldCount - 1)) / 2;
  const matrices = type === "field_all" ? [] : [type === "field_each" ? fieldCount : pairs];
  return {
    params: { bilinear_W: { shape: [...matrices, dim, dim], init: { kind: "xavierNormal" } } },
    forward(scope, { fields }) {
      const weight = scope.param("bilinear_W");
      const rights: Tensor[] = [];
      const lefts: Tensor[] = [];
      const shared = (left: Tensor, count: number): void => {
        for (let j = 0; j < count; j++) lefts.push(left);
      };
      const perPair =
        type === "field_interaction"
          ? tf.split(
              weight,
              Array.from({ length: fieldCount - 1 }, (_, i) => fieldCount - 1 - i),
            )
          : [];
      const perField = type === "field_each" ? tf.unstack(weight) : [];
      for (let i = 0; i < fieldCount - 1; i++) {
        const others = fields.slice(i + 1);
        rights.push(...others);
        if (type === "field_all") shared(tf.matMul(fields[i]!, weight), others.length);
        else if (type === "field_each") shared(tf.matMul(fields[i]!, perField[i]!), others.length);
        else {
          /** [dim, others * dim]: W_ij side by side for j > i. */
          const beside = tf.reshape(tf.transpose(perPair[i]!, [1, 0, 2]), [dim, others.length * dim]);
          lefts.push(tf.matMul(fields[i]!, beside));
        }
      }
      return tf.mul(tf.concat(lefts, 1), tf.concat(rights, 1));
    },
  };
}
