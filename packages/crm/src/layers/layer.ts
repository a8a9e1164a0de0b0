import { tf, type InputSpec, type ParamSpec, type Scope, type Specs, type TableSpec } from "@corella/engine";

/** A tensor of tfjs, symbolic while a program is traced. */
export type Tensor = tf.Tensor;

/** A piece of a model: what it declares, and what it computes from its input. Names are local to the layer. */
export interface Layer<Input, Output> extends Partial<Specs> {
  forward(scope: Scope, input: Input): Output;
}

type AnyLayer = Layer<never, unknown>;

/** The layers of a combination as functions of their inputs. */
export type Calls<Layers> = {
  readonly [Name in keyof Layers]: Layers[Name] extends Layer<infer Input, infer Output>
    ? (input: Input) => Output
    : undefined | CallOf<Exclude<Layers[Name], undefined>>;
};
type CallOf<L> = L extends Layer<infer Input, infer Output> ? (input: Input) => Output : never;

/**
 * A layer made of named layers: `fc` with `weight` becomes `fc.weight`. Inputs keep their names, for they belong to
 * the program. Absent layers (undefined) are those that a configuration leaves out.
 */
export function combine<Layers extends Record<string, AnyLayer | undefined>, Input, Output>(
  layers: Layers,
  forward: (call: Calls<Layers>, input: Input, scope: Scope) => Output,
): Layer<Input, Output> & Specs {
  const params: Record<string, ParamSpec> = {};
  const tables: Record<string, TableSpec> = {};
  const inputs: Record<string, InputSpec> = {};
  for (const [prefix, layer] of Object.entries(layers)) {
    for (const [name, spec] of Object.entries(layer?.params ?? {})) params[`${prefix}.${name}`] = spec;
    for (const [name, spec] of Object.entries(layer?.tables ?? {})) tables[`${prefix}.${name}`] = spec;
    Object.assign(inputs, layer?.inputs);
  }
  return {
    params,
    tables,
    inputs,
    forward(scope, input) {
      const calls: Record<string, (layerInput: never) => unknown> = {};
      for (const [prefix, layer] of Object.entries(layers)) {
        if (layer === undefined) continue;
        calls[prefix] = (layerInput) => layer.forward(inside(scope, prefix), layerInput);
      }
      return forward(calls as Calls<Layers>, input, scope);
    },
  };
}

/** The scope as a named layer sees it. */
function inside(scope: Scope, prefix: string): Scope {
  return {
    training: scope.training,
    param: (name) => scope.param(`${prefix}.${name}`),
    input: (name) => scope.input(name),
    lookup: (table, ids) => scope.lookup(`${prefix}.${table}`, ids),
    dropout: (x, rate) => scope.dropout(x, rate),
    assign: (name, value) => scope.assign(`${prefix}.${name}`, value),
    recompute: (inputs, compute) => scope.recompute(inputs, compute),
  };
}

/** One value per sample: [batch, 1] -> [batch]. */
export function perSample(x: Tensor): Tensor {
  return tf.reshape(x, [-1]);
}
