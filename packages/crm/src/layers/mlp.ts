import { activate, type Activation } from "./activation.ts";
import { batchNormalization } from "./batchNormalization.ts";
import { combine, type Layer, type Tensor } from "./layer.ts";
import { linear } from "./linear.ts";

export interface MlpOptions {
  readonly inSize: number;
  readonly hiddenUnits: readonly number[];
  readonly activation: Activation;
  readonly dropout: number;
  readonly batchNormalization: boolean;
  /** With it a last linear layer follows; without it the last hidden layer is the output. */
  readonly outSize?: number;
}

export interface MlpOutput {
  readonly output: Tensor;
  /** After the activation of each hidden layer, [batch, units]. */
  readonly hidden: Tensor[];
}

/** Linear -> [batch normalisation] -> activation -> [dropout], once for each hidden layer. */
export function mlp(options: MlpOptions): Layer<Tensor, MlpOutput> {
  const { hiddenUnits, outSize } = options;
  const layers: Record<string, Layer<Tensor, Tensor>> = {};
  let size = options.inSize;
  hiddenUnits.forEach((units, l) => {
    layers[`${l}`] = linear(size, units);
    if (options.batchNormalization) layers[`${l}.norm`] = batchNormalization(units);
    size = units;
  });
  if (outSize !== undefined) layers[`${hiddenUnits.length}`] = linear(size, outSize);
  return combine(layers, (call, input: Tensor, scope) => {
    let x = input;
    const hidden = hiddenUnits.map((_, l) => {
      x = call[`${l}`]!(x);
      x = call[`${l}.norm`]?.(x) ?? x;
      x = activate(x, options.activation);
      const activated = x;
      x = scope.dropout(x, options.dropout);
      return activated;
    });
    return { output: outSize === undefined ? x : call[`${hiddenUnits.length}`]!(x), hidden };
  });
}
