import { tf } from "@corella/engine";
import { activation, type Activation } from "./activation.ts";
import { batchNormalization } from "./batch-normalization.ts";
import { combine, type Layer, type Tensor } from "./layer.ts";
import { linear } from "./linear.ts";

/** Sizes and variants of a feed-forward tower. */
export interface MlpOptions {
  readonly inSize: number;
  readonly hiddenUnits: readonly number[];
  readonly activation: Activation;
  readonly dropout: number;
  readonly batchNormalization: boolean;
  /** The width of a last linear layer, without activation; where it is absent the last hidden layer is the output. */
  readonly outSize?: number;
  /** In place of the first hidden layer's linear map. */
  readonly first?: Layer<Inputs, Tensor>;
}

/** What a tower gives. */
export interface MlpOutput {
  /** [batch, outSize], or [batch, units of the last hidden layer] where there is no `outSize`. */
  readonly output: Tensor;
  /** After the activation of each hidden layer, [batch, units]. */
  readonly hidden: Tensor[];
}

type Inputs = Tensor | readonly Tensor[];

/** Linear -> [batch normalisation] -> activation -> [dropout], once for each hidden layer. */
export function mlp(options: MlpOptions): Layer<Inputs, MlpOutput> {
  const { hiddenUnits, outSize } = options;
  const sizes = [options.inSize, ...hiddenUnits];
  const layers: Record<string, Layer<Inputs, Tensor>> = {};
  hiddenUnits.forEach((size, l) => {
    const dense = (l === 0 ? options.first : undefined) ?? linear(sizes[l]!, size);
    layers[`${l}`] = hiddenLayer(dense, size, options);
  });
  const last = `${hiddenUnits.length}`;
  if (outSize !== undefined) layers[last] = linear(sizes.at(-1)!, outSize);
  return combine(layers, (call, input: Inputs, scope) => {
    let x = input;
    const hidden = hiddenUnits.map((_, l) => {
      const activated = call[`${l}`]!(x);
      x = scope.dropout(activated, options.dropout);
      return activated;
    });
    if (outSize !== undefined) return { output: call[last]!(x), hidden };
    return { output: x instanceof tf.Tensor ? x : tf.concat([...x], 1), hidden };
  });
}

/** Linear -> [batch normalisation] -> activation, with the linear layer's names at the top. */
function hiddenLayer(dense: Layer<Inputs, Tensor>, size: number, options: MlpOptions): Layer<Inputs, Tensor> {
  const after = combine(
    {
      norm: options.batchNormalization ? batchNormalization(size) : undefined,
      activation: activation(options.activation, size),
    },
    (call, z: Tensor) => call.activation(call.norm?.(z) ?? z),
  );
  return {
    params: { ...dense.params, ...after.params },
    forward: (scope, x) => after.forward(scope, dense.forward(scope, x)),
  };
}
