import { tf, type InputSpec, type ParamSpec, type Part, type Scope } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { activate } from "../../operations/activation.ts";
import { attention } from "../../operations/attention.ts";
import { layerNorm } from "../../operations/layer-norm.ts";
import { blockOf, type RecomputeOption } from "../../operations/recomputed.ts";
import { firstRow } from "../../operations/select.ts";
import type { BertConfig } from "./config.ts";

/** Hidden states of a BERT, and what they are pooled to. */
export interface BertOutput {
  /** After the embeddings (0) and after each block, [batch, time, hidden]. */
  readonly hiddenStates: readonly tf.Tensor[];
  /** Mean of the last states of real tokens, [batch, hidden]. */
  readonly meanPooled: tf.Tensor;
  /** Last state of the first token, [batch, hidden]. */
  first(): tf.Tensor;
  /**
   * tanh of a linear map of the first token's state, [batch, hidden]; costs nothing unless it is used.
   * @throws CorellaError `llm/no-pooler`
   */
  pooled(): tf.Tensor;
}

/** The inputs of `bertEncoder`, as `paddedFeeds` gives them, padded on the right. */
const bertInputs: Readonly<Record<"tokens" | "visible" | "index", InputSpec>> = {
  tokens: { shape: ["batch", "time"], dtype: "int32" },
  visible: { shape: ["batch", "time"], dtype: "int32" },
  index: { shape: ["time"], dtype: "int32" },
};

/** A BERT without a head. Parameters have Hugging Face's names; every token is of type 0. */
export function bertEncoder(config: BertConfig, options: RecomputeOption = {}): Part<BertOutput> {
  return {
    params: bertParams(config),
    tables: {},
    inputs: bertInputs,
    forward(scope) {
      const tokens = scope.input("tokens");
      const [batch, time] = tokens.shape as [number, number];
      const { hiddenSize } = config;
      const visible = tf.cast(scope.input("visible"), "float32");
      const bias = tf.mul(tf.sub(tf.reshape(visible, [batch, 1, 1, time]), 1), 1e9);
      const norm = (name: string, x: tf.Tensor): tf.Tensor =>
        layerNorm(x, scope.param(`${name}.weight`), scope.param(`${name}.bias`), config.layerNormEpsilon);

      const words = tf.gather(scope.param("embeddings.word_embeddings.weight"), tf.reshape(tokens, [-1]));
      const places = tf.gather(scope.param("embeddings.position_embeddings.weight"), scope.input("index"));
      const type = tf.slice(scope.param("embeddings.token_type_embeddings.weight"), [0, 0], [1, hiddenSize]);
      const placed = tf.add(tf.reshape(words, [batch, time, hiddenSize]), tf.add(places, type));
      let x = norm("embeddings.LayerNorm", tf.reshape(placed, [batch * time, hiddenSize]));
      const states = [x];
      const block = (name: string, input: tf.Tensor): tf.Tensor => {
        const seen = selfAttention(scope, config, name, input, bias, batch, time);
        const middle = norm(
          `${name}.attention.output.LayerNorm`,
          tf.add(input, linear(scope, `${name}.attention.output.dense`, seen)),
        );
        const inner = activate(config.activation, linear(scope, `${name}.intermediate.dense`, middle));
        return norm(`${name}.output.LayerNorm`, tf.add(middle, linear(scope, `${name}.output.dense`, inner)));
      };
      for (let layer = 0; layer < config.layers; layer++) {
        x = blockOf(scope, options, [x], (input) => block(`encoder.layer.${layer}`, input!));
        states.push(x);
      }
      const hiddenStates = states.map((state) => tf.reshape(state, [batch, time, hiddenSize]));
      const last = hiddenStates.at(-1)!;
      const first = (): tf.Tensor => firstRow(last, scope.input("index"));
      const shares = tf.div(visible, tf.sum(visible, 1, true));
      return {
        hiddenStates,
        meanPooled: tf.sum(tf.mul(last, tf.reshape(shares, [batch, time, 1])), 1),
        first,
        pooled: () => {
          if (config.pooler === false) throw noPooler();
          return tf.tanh(linear(scope, "pooler.dense", first()));
        },
      };
    },
  };
}

function selfAttention(
  scope: Scope,
  config: BertConfig,
  block: string,
  x: tf.Tensor,
  bias: tf.Tensor,
  batch: number,
  time: number,
): tf.Tensor {
  const dim = config.hiddenSize / config.heads;
  const heads = (name: string): tf.Tensor => {
    const projected = linear(scope, `${block}.attention.self.${name}`, x);
    return tf.transpose(tf.reshape(projected, [batch, time, config.heads, dim]), [0, 2, 1, 3]);
  };
  const seen = attention(tf.mul(heads("query"), 1 / Math.sqrt(dim)), heads("key"), heads("value"), bias);
  return tf.reshape(tf.transpose(seen, [0, 2, 1, 3]), [batch * time, config.hiddenSize]);
}

function linear(scope: Scope, module: string, x: tf.Tensor): tf.Tensor {
  return tf.add(tf.matMul(x, scope.param(`${module}.weight`), false, true), scope.param(`${module}.bias`));
}

/** The parameters of a BERT by Hugging Face's names, without a prefix, with shapes and first values. */
export function bertParams(config: BertConfig): Record<string, ParamSpec> {
  const { hiddenSize, intermediateSize } = config;
  const params: Record<string, ParamSpec> = {};
  const weight = (name: string, rows: number, columns: number): void => {
    params[`${name}.weight`] = {
      shape: [rows, columns],
      init: { kind: "normal", std: config.initializerRange },
    };
  };
  const dense = (name: string, outputs: number, inputs: number): void => {
    weight(name, outputs, inputs);
    params[`${name}.bias`] = { shape: [outputs], init: { kind: "zeros" } };
  };
  const norm = (name: string): void => {
    params[`${name}.weight`] = { shape: [hiddenSize], init: { kind: "ones" } };
    params[`${name}.bias`] = { shape: [hiddenSize], init: { kind: "zeros" } };
  };
  weight("embeddings.word_embeddings", config.vocabularySize, hiddenSize);
  weight("embeddings.position_embeddings", config.maxPositions, hiddenSize);
  weight("embeddings.token_type_embeddings", config.tokenTypes, hiddenSize);
  norm("embeddings.LayerNorm");
  for (let layer = 0; layer < config.layers; layer++) {
    const block = `encoder.layer.${layer}`;
    for (const name of ["query", "key", "value"])
      dense(`${block}.attention.self.${name}`, hiddenSize, hiddenSize);
    dense(`${block}.attention.output.dense`, hiddenSize, hiddenSize);
    norm(`${block}.attention.output.LayerNorm`);
    dense(`${block}.intermediate.dense`, intermediateSize, hiddenSize);
    dense(`${block}.output.dense`, hiddenSize, intermediateSize);
    norm(`${block}.output.LayerNorm`);
  }
  if (config.pooler !== false) dense("pooler.dense", hiddenSize, hiddenSize);
  return params;
}

function noPooler(): CorellaError {
  return new CorellaError({
    code: "llm/no-pooler",
    message: "The BERT's weights have no pooler.",
    place: "pooler.dense",
    remedy: "Use meanPooled, or the weights of a BertModel with its pooler.",
  });
}
