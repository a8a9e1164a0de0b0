import { tf, type Optimizer, type Part, type Program, type Specs, type Values } from "@corella/engine";
import type { Tensor } from "./layers/layer.ts";
import type { CrmOutput } from "./model.ts";

/**
 * The training program of a model: its inputs and `label` float32 [batch] (0 or 1) -> the mean binary cross entropy,
 * with the output `logit` [batch].
 */
export function crmProgram(part: Part<CrmOutput>): Program {
  return {
    params: part.params,
    tables: part.tables,
    inputs: { ...part.inputs, label: { shape: ["batch"], dtype: "float32" } },
    forward(scope) {
      const { logit } = part.forward(scope);
      return { loss: binaryCrossEntropy(logit, scope.input("label")), outputs: { logit } };
    },
  };
}

/** The program for serving: the model's inputs -> `logit` and `probability`, both [batch]. */
export function crmInferenceProgram(part: Part<CrmOutput>): Program {
  return {
    params: part.params,
    tables: part.tables,
    inputs: part.inputs,
    forward(scope) {
      const { logit } = part.forward(scope);
      return { outputs: { logit, probability: tf.sigmoid(logit) } };
    },
  };
}

/** mean(log(1 + exp(z)) - y z), which is -mean(y log p + (1 - y) log(1 - p)) without its overflow. */
export function binaryCrossEntropy(logit: Tensor, label: Tensor): Tensor {
  return tf.mean(tf.sub(tf.softplus(logit), tf.mul(logit, label)));
}

/** Names of the parameters and tables that embed features, first-order weights included; also of a composed part. */
export function embeddingNames(specs: Pick<Specs, "params" | "tables">): ReadonlySet<string> {
  const numeric = Object.keys(specs.params).filter(
    (name) => /(^|\.)(embedding\.(?!attention\.)|lr\.)/.test(name) && !/(^|\.)lr\.bias$/.test(name),
  );
  return new Set([...Object.keys(specs.tables), ...numeric]);
}

/** Strengths of L2 regularisation; what is absent is 0. */
export interface Regularizers {
  /** λ of every embedding table, first-order weights included. */
  readonly embedding?: number;
  /** λ of all other trainable parameters, biases and normalisation included. */
  readonly net?: number;
}

/**
 * The optimiser of each name with λ/2 ||w||² added to the loss, as FuxiCTR's regularisers do. Over whole tables at
 * every step it needs `tables: "exact"` or `"dense"`; with lazy tables it reaches the rows of a batch only.
 */
export function regularized(
  optimizer: Exclude<Optimizer, { kind: "adamw" }>,
  specs: Pick<Specs, "params" | "tables">,
  { embedding = 0, net = 0 }: Regularizers,
): (name: string) => Optimizer {
  const embeddings = embeddingNames(specs);
  return (name) => ({ ...optimizer, l2: (optimizer.l2 ?? 0) + (embeddings.has(name) ? embedding : net) });
}

/** λ/2 ||w||² over all trainable values: what `regularized` adds to the loss. */
export function regularizationLoss(
  specs: Pick<Specs, "params" | "tables">,
  values: Values,
  { embedding = 0, net = 0 }: Regularizers,
): number {
  const embeddings = embeddingNames(specs);
  let loss = 0;
  for (const name of [...Object.keys(specs.params), ...Object.keys(specs.tables)]) {
    if (specs.params[name]?.trainable === false) continue;
    let squares = 0;
    for (const value of values[name]!) squares += value * value;
    loss += ((embeddings.has(name) ? embedding : net) / 2) * squares;
  }
  return loss;
}
