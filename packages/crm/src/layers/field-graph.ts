import { tf, type ParamSpec, type Scope } from "@corella/engine";
import type { Embedded } from "./embedding.ts";
import { leakyRelu } from "./activation.ts";
import type { Layer, Tensor } from "./layer.ts";

/** Sizes and variants of a graph network over the fields. */
export interface FieldGraphOptions {
  readonly fields: number;
  readonly dim: number;
  readonly layerCount: number;
  /** One pair of field matrices for all layers. */
  readonly shared: boolean;
  /** Update states by a gated recurrent unit, else by addition. */
  readonly gru: boolean;
  /** Add the embeddings after each layer. */
  readonly residual: boolean;
}

/**
 * Gated graph network over fields (Fi-GNN section 3.4) -> the states after each layer, [fields, batch, dim].
 * Edges g_ij = softmax_j(LeakyReLU(w [e_i; e_j])) without loops, once from the embeddings;
 * a_i = W_in[i] sum_j g_ij W_out[j] h_j + b; h = GRU(a, h) or a + h; h = h + e.
 * States are field-major, so that the matrices of all fields are one batched product.
 */
export function fieldGraph(options: FieldGraphOptions): Layer<Embedded, Tensor[]> {
  const { fields, dim, layerCount, shared, gru, residual } = options;
  const xavier = { kind: "xavierNormal" } as const;
  const params: Record<string, ParamSpec> = { "W_attn.weight": { shape: [1, 2 * dim], init: xavier } };
  for (let l = 0; l < (shared ? 1 : layerCount); l++) {
    const prefix = shared ? "gnn" : `gnn.${l}`;
    params[`${prefix}.W_in`] = { shape: [fields, dim, dim], init: xavier };
    params[`${prefix}.W_out`] = { shape: [fields, dim, dim], init: xavier };
    params[`${prefix}.bias_p`] = { shape: [dim], init: { kind: "zeros" } };
  }
  if (gru) {
    const init = { kind: "uniform", limit: 1 / Math.sqrt(dim) } as const;
    params["gru.weight_ih"] = { shape: [3 * dim, dim], init };
    params["gru.weight_hh"] = { shape: [3 * dim, dim], init };
    params["gru.bias_ih"] = { shape: [3 * dim], init };
    params["gru.bias_hh"] = { shape: [3 * dim], init };
  }
  return {
    params,
    forward(scope, embedded) {
      const edges = fieldEdges(scope, embedded, fields, dim);
      const e = tf.stack(embedded.fields, 0);
      let h = e;
      return Array.from({ length: layerCount }, (_, l) => {
        const prefix = shared ? "gnn" : `gnn.${l}`;
        const sent = tf.matMul(h, scope.param(`${prefix}.W_out`), false, true);
        const received = tf.matMul(edges, tf.transpose(sent, [1, 0, 2]));
        const aggregated = tf.matMul(
          tf.transpose(received, [1, 0, 2]),
          scope.param(`${prefix}.W_in`),
          false,
          true,
        );
        const a = tf.add(aggregated, scope.param(`${prefix}.bias_p`));
        h = gru ? gruCell(scope, a, h, dim) : tf.add(a, h);
        if (residual) h = tf.add(h, e);
        return h;
      });
    },
  };
}

/** [batch, fields, fields], rows sum to 1, the diagonal is 0. */
function fieldEdges(scope: Scope, { flat }: Embedded, fields: number, dim: number): Tensor {
  // w [e_i; e_j] = w_1 e_i + w_2 e_j: one product for both halves.
  const halves = tf.matMul(
    tf.reshape(flat, [-1, dim]),
    tf.reshape(scope.param("W_attn.weight"), [2, dim]),
    false,
    true,
  );
  const [source, target] = tf.split(tf.reshape(halves, [-1, fields, 2]), 2, 2);
  const scores = leakyRelu(tf.add(source!, tf.transpose(target!, [0, 2, 1])));
  const noLoops = Float32Array.from({ length: fields * fields }, (_, i) =>
    i % (fields + 1) === 0 ? -1e9 : 0,
  );
  return tf.softmax(tf.add(scores, tf.tensor(noLoops, [fields, fields])));
}

/** GRUCell of PyTorch with gates r, z, n: input a and state h, both [fields, batch, dim]. */
function gruCell(scope: Scope, a: Tensor, h: Tensor, dim: number): Tensor {
  const gates = (x: Tensor, kind: "ih" | "hh"): Tensor => {
    const rows = tf.reshape(x, [-1, dim]);
    const product = tf.matMul(rows, scope.param(`gru.weight_${kind}`), false, true);
    return tf.add(product, scope.param(`gru.bias_${kind}`));
  };
  const [gateInput, newInput] = tf.split(gates(a, "ih"), [2 * dim, dim], 1);
  const [gateState, newState] = tf.split(gates(h, "hh"), [2 * dim, dim], 1);
  const [reset, update] = tf.split(tf.sigmoid(tf.add(gateInput!, gateState!)), 2, 1);
  const proposed = tf.tanh(tf.add(newInput!, tf.mul(reset!, newState!)));
  // (1 - z) n + z h
  const state = tf.reshape(h, [-1, dim]);
  const next = tf.add(proposed, tf.mul(update!, tf.sub(state, proposed)));
  return tf.reshape(next, h.shape);
}
